(() => {
  "use strict";
  const form = document.getElementById("filters");
  if (!form) return;
  const shown = document.getElementById("shown");
  const fold = document.getElementById("fold");
  const shelves = [...document.querySelectorAll(".shelf")].map((shelf) => ({
    shelf,
    files: [...shelf.querySelectorAll("details.file")].map((file) => ({
      file,
      path: file.querySelector(".path").textContent.toLowerCase(),
      findings: [...file.querySelectorAll("article.finding")].map((finding) => ({
        finding,
        severity: finding.dataset.s,
        agents: finding.dataset.a.split(" "),
        fixable: "x" in finding.dataset,
      })),
    })),
  }));
  const total = document.querySelectorAll("article.finding").length;

  const apply = () => {
    const chosen = new FormData(form);
    const severities = new Set(chosen.getAll("severity"));
    const agent = chosen.get("agent");
    const part = chosen.get("file").trim().toLowerCase();
    const fixable = chosen.has("fixable");
    let count = 0;
    for (const { shelf, files } of shelves) {
      let inShelf = 0;
      for (const { file, path, findings } of files) {
        let inFile = 0;
        for (const each of findings) {
          const fits =
            path.includes(part) &&
            severities.has(each.severity) &&
            (!agent || each.agents.includes(agent)) &&
            (!fixable || each.fixable);
          each.finding.hidden = !fits;
          inFile += fits;
        }
        file.hidden = !inFile;
        inShelf += inFile;
      }
      shelf.hidden = !inShelf;
      count += inShelf;
    }
    shown.textContent = count === total ? `${total.toLocaleString("en")} shown` : `${count.toLocaleString("en")} of ${total.toLocaleString("en")} shown`;
  };

  fold.addEventListener("click", () => {
    const open = fold.textContent === "Expand all";
    for (const { files } of shelves) for (const { file } of files) file.open = open;
    fold.textContent = open ? "Collapse all" : "Expand all";
  });
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  // A link from outside leads to its finding even if what was typed before a reload would hide it.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.closest("[hidden]")) {
      form.reset();
      apply();
      target.scrollIntoView();
    }
  });
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest("a.anchor");
    if (!anchor || !navigator.clipboard) return;
    navigator.clipboard.writeText(anchor.href).then(
      () => {
        anchor.textContent = "copied";
        setTimeout(() => (anchor.textContent = "#"), 1500);
      },
      () => {},
    );
  });
  form.hidden = false;
  apply();
})();
