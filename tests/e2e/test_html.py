"""The HTML report in a real browser: Chromium, driven over its debugging pipe."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from quorate.contract.facts import AgentCoverage, Coverage
from quorate.contract.finding import SEVERITIES, DecidedFinding, Severity, Vote
from quorate.contract.fix import Edit, Fix
from quorate.contract.result import Result, Timings
from quorate.render import render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--remote-debugging-pipe",
)
OPENING_S = 10.0
"""Far more than a report of 2,000 findings takes to open: it takes 0.3 s on a laptop."""
NARROW = 360

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")


class Browser:
    """One tab of Chromium. Its protocol: https://chromedevtools.github.io/devtools-protocol/."""

    def __init__(self, home: Path) -> None:
        assert CHROMIUM is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def place() -> None:
            # Chromium reads from descriptor 3 and writes to 4; the copies outlive exec, unlike what they are made of.
            moved = os.dup(to_read), os.dup(to_write)
            for target, source in ((3, moved[0]), (4, moved[1])):
                os.dup2(source, target)

        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={home}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,  # noqa: PLW1509 - no thread is running here
            close_fds=False,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer; what happens meanwhile is kept in ``events``."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def open(self, page: Path) -> None:
        """Load a page, with nothing left of what happened before."""
        self.events.clear()
        self.send("Page.navigate", url=page.as_uri())
        while not self.happened("Page.loadEventFired"):
            self.events.append(self._next())

    def happened(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def complaints(self) -> list[Any]:
        """What the browser refused, logged or had to ask about."""
        logged = [entry["entry"]["text"] for entry in self.happened("Log.entryAdded")]
        thrown = [*self.happened("Runtime.exceptionThrown"), *self.happened("Runtime.consoleAPICalled")]
        return [*logged, *thrown, *self.happened("Page.javascriptDialogOpening")]

    def requests(self) -> list[str]:
        return [request["request"]["url"] for request in self.happened("Network.requestWillBeSent")]

    def close(self) -> None:
        with suppress(OSError):
            os.write(self._write, b'{"id":0,"method":"Browser.close"}\0')
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium has ended"
            self._buffer += read
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser as it was when it started."""
    yield chromium
    chromium.send("Emulation.clearDeviceMetricsOverride")
    chromium.send("Emulation.setEmulatedMedia", media="", features=[])
    chromium.send("Emulation.setScriptExecutionDisabled", value=False)


def finding(number: int, severity: Severity = "medium", **fields: Any) -> DecidedFinding:
    agent = "ruff" if number % 2 else "bandit"
    vote = Vote(agent=agent, lineage=agent, rule="S105", severity=severity, confidence=0.9, message="in other words")
    known: dict[str, Any] = {
        "id": str(number),
        "path": f"src/part{number % 200}.py",
        "line": number % 50 + 1,
        "severity": severity,
        "category": "bug",
        "message": f"message {number} about `something` that is wrong here",
        "fingerprint": f"f{number}",
        "rules": ("S105",),
        "votes": (vote,),
        "decision": "confirmed",
        "reason": "one vote is enough",
        "suggestion": "Do it in another way.",
    }
    return DecidedFinding(**(known | fields))


def report(folder: Path, *findings: DecidedFinding, files: dict[str, str] | None = None) -> Path:
    agents = {
        "ruff": AgentCoverage(state="ok", version="0.14.1", files=3, elapsed_ms=110, lineage="ruff"),
        "mypy": AgentCoverage(state="timeout", elapsed_ms=30_000, reason="no answer within 30 s"),
        "semgrep": AgentCoverage(state="skipped", reason="semgrep is not installed: pipx install semgrep"),
    }
    result = Result(
        task_id="t1",
        kind="code-review",
        state="completed",
        verdict="request_changes",
        findings=findings,
        coverage=Coverage(agents=agents, unread=("a/very/long/path/" * 8 + "logo.png",)),
        timings=Timings(finished_at="2026-01-02T03:04:05Z", elapsed_ms=1_260),
    )
    page = folder / "review.html"
    page.write_text(render(result, "html", files=files or {}), encoding="utf-8")
    return page


def mixed(number: int) -> list[DecidedFinding]:
    fix = Fix(edits=(Edit(line=1, end_line=1, text="x\n"),), safe=True)
    return [finding(at, SEVERITIES[at % 5], fix=fix if at % 3 == 0 else None) for at in range(number)]


CONTENT = {f"src/part{at}.py": "".join(f"value_{line} = {line}\n" for line in range(1, 60)) for at in range(200)}


def test_the_report_opens_without_a_complaint_and_asks_for_nothing_else(browser: Browser, tmp_path: Path) -> None:
    page = report(tmp_path, *mixed(20), files=CONTENT)
    browser.open(page)
    assert browser.value("document.title") == "Changes requested – Quorate review"
    assert browser.value("document.querySelectorAll('article.finding').length") == 20
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]


def test_the_filters_show_what_was_chosen(browser: Browser, tmp_path: Path) -> None:
    browser.open(report(tmp_path, *mixed(20)))
    shown = "[...document.querySelectorAll('article.finding')].filter((e) => e.offsetParent).map((e) => e.id).join(' ')"
    assert browser.value("document.getElementById('filters').offsetHeight") > 0
    assert browser.value("document.getElementById('shown').textContent") == "20 shown"

    browser.value("document.querySelectorAll('[name=severity]').forEach((each) => each.value > 0 && each.click())")
    assert set(browser.value(shown).split()) == {"f-0", "f-5", "f-10", "f-15"}
    assert browser.value("document.getElementById('shown').textContent") == "4 of 20 shown"

    browser.value("document.querySelector('[name=fixable]').click()")
    assert set(browser.value(shown).split()) == {"f-0", "f-15"}

    browser.value(
        "{ const agent = document.querySelector('[name=agent]'); agent.value = '1';"
        " agent.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    assert browser.value(shown) == "f-15"

    browser.value("document.getElementById('filters').reset()")
    browser.value(
        "{ const file = document.querySelector('[name=file]'); file.value = 'PART7.py';"
        " file.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    assert browser.value(shown) == "f-7"


def test_a_link_to_a_finding_that_is_filtered_away_shows_it(browser: Browser, tmp_path: Path) -> None:
    browser.open(report(tmp_path, *mixed(20)))
    browser.value("document.querySelectorAll('[name=severity]').forEach((each) => each.click())")
    assert browser.value("document.getElementById('f-3').offsetParent") is None
    browser.value(
        "new Promise((done) => { addEventListener('hashchange', () => done(), {once: true}); location.hash = 'f-3'; })"
    )
    assert browser.value("document.getElementById('f-3').offsetHeight") > 0


def test_without_its_script_the_report_is_whole(browser: Browser, tmp_path: Path) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(report(tmp_path, *mixed(10)))
    root = browser.send("DOM.getDocument", depth=0)["root"]["nodeId"]
    form = browser.send("DOM.querySelector", nodeId=root, selector="#filters")["nodeId"]
    assert "hidden" in browser.send("DOM.getAttributes", nodeId=form)["attributes"]
    found = browser.send("DOM.querySelectorAll", nodeId=root, selector="article.finding:not([hidden])")["nodeIds"]
    assert len(found) == 10


HOSTILE = (
    "<img src='http://127.0.0.1:9/x' onerror='window.owned=1'>",
    "</script><script>window.owned=1</script>",
    '" onmouseover="window.owned=1" style="background:url(http://127.0.0.1:9/x)',
    "</style><link rel=stylesheet href=http://127.0.0.1:9/x>",
    "<svg/onload=window.owned=1>",
    "<iframe srcdoc='<script>top.owned=1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
)


def test_a_hostile_change_runs_nothing_and_reaches_nobody(browser: Browser, tmp_path: Path) -> None:
    findings = [
        finding(
            at,
            id=attack,
            path=attack,
            line=1,
            message=attack,
            suggestion=f"{attack}\n{attack}",
            rules=(attack,),
            reason=attack,
            fix=Fix(edits=(Edit(line=1, end_line=1, text=attack),)),
            votes=(Vote(agent=attack, lineage=attack, rule=attack, severity="low", confidence=1, message=attack),),
        )
        for at, attack in enumerate(HOSTILE)
    ]
    page = report(tmp_path, *findings, files={attack: f"{attack}\n" * 3 for attack in HOSTILE})
    browser.open(page)
    browser.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.value("window.owned") is None
    assert (
        browser.value("document.querySelectorAll('img,iframe,link,object,main svg:not(.bar),main script').length") == 0
    )
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.value("document.querySelector('main').textContent").count(HOSTILE[0]) >= 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_has_the_colours_that_the_reader_prefers(browser: Browser, tmp_path: Path, scheme: str) -> None:
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(report(tmp_path, *mixed(3)))
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(245, 246, 248)", "dark": "rgb(14, 17, 22)"}[scheme]


@pytest.mark.parametrize("open_details", [False, True])
def test_the_report_fits_a_narrow_screen(browser: Browser, tmp_path: Path, open_details: bool) -> None:
    metrics = {"width": NARROW, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.send("Emulation.setDeviceMetricsOverride", **metrics)
    long = finding(1, path="deep/" * 40 + "x" * 90, message="x" * 300 + " `" + "y" * 300 + "`", suggestion="z" * 400)
    browser.open(report(tmp_path, *mixed(5), long, files=CONTENT | {long.path: "w" * 500 + "\n" + "v " * 300}))
    if open_details:
        browser.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    too_wide = (
        "[...document.querySelectorAll('body *')].filter((each) => !each.closest('.skip, thead'))"
        ".filter((each) => each.getBoundingClientRect().right > innerWidth + 1)"
        ".map((each) => each.outerHTML.slice(0, 80))"
    )
    assert browser.value(too_wide) == []
    assert browser.value("document.documentElement.scrollWidth") <= NARROW


def test_on_paper_everything_is_open_and_nothing_is_to_be_clicked(browser: Browser, tmp_path: Path) -> None:
    browser.open(report(tmp_path, *mixed(3)))
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.value("document.querySelector('nav').offsetHeight") == 0
    assert browser.value("document.querySelector('#filters').offsetHeight") == 0
    assert (
        browser.value(
            "Math.min(...[...document.querySelectorAll('details.votes td')].map((each) => each.offsetHeight))"
        )
        > 0
    )
    assert base64.b64decode(browser.send("Page.printToPDF")["data"]).startswith(b"%PDF")


def test_two_thousand_findings_open_fast(browser: Browser, tmp_path: Path) -> None:
    page = report(tmp_path, *mixed(2_000), files=CONTENT)
    assert page.stat().st_size < 5_000_000
    browser.open(page)
    opened_ms = browser.value("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert browser.value("document.getElementById('shown').textContent") == "2,000 shown"
    assert opened_ms < OPENING_S * 1000


def test_the_first_key_leads_past_the_contents_and_every_control_has_a_name(browser: Browser, tmp_path: Path) -> None:
    browser.open(report(tmp_path, *mixed(5)))
    key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    browser.send("Input.dispatchKeyEvent", type="keyDown", **key)
    assert browser.value("document.activeElement.textContent") == "Skip to the findings"
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    controls = {"link", "button", "checkbox", "combobox", "searchbox", "DisclosureTriangle"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in controls
    ]
    assert {role for role, _ in named} >= controls - {"button"}
    assert [role for role, name in named if not name.strip()] == []
    landmarks = {node["role"]["value"] for node in nodes if not node["ignored"]}
    assert landmarks >= {"banner", "navigation", "main", "contentinfo", "form", "region"}
