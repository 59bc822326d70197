"""Endpoints of what lies in a repository: contents, blobs and trees."""

from quorate.testing.github_git import FILE, FOLDER, LINK, MODULE, PROGRAM, Entry
from quorate.testing.github_http import Answer, Call, Endpoints, Json, Problem, not_found
from quorate.testing.github_json import base64_lines
from quorate.testing.github_pulls import commit_of, quoted
from quorate.testing.github_state import Repository

endpoints = Endpoints()
TREE_ENTRIES = 100_000
RAW = {"content-type": "application/vnd.github.raw; charset=utf-8"}


@endpoints.on("GET", "/repos/{owner}/{repo}/contents/{path:path}")
def contents(call: Call) -> Answer:
    found = call.repository("contents")
    ref = call.query.get("ref") or found.default_branch
    commit = found.git.resolve(ref)
    if commit is None:
        raise Problem(404, f"No commit found for the ref {ref}")
    path = call.arguments["path"].strip("/")
    entry = commit.entries.get(path)
    if entry is None:
        return Answer(200, _folder(call, found, path, commit.entries, ref))
    if entry.mode == LINK:
        target = _content(found, entry).decode("utf-8", "replace")
        pointed = commit.entries.get(_joined(path, target))
        if pointed is not None and pointed.mode in (FILE, PROGRAM):
            entry = pointed  # GitHub answers with the file that a link in the same repository names
        elif call.wants("raw"):
            return Answer(200, target, RAW)
        else:
            return Answer(200, _item(call, found, path, "symlink", entry.sha, ref) | {"target": target})
    if entry.mode == MODULE:
        shown = _item(call, found, path, "submodule", entry.sha, ref)
        return Answer(200, shown | {"submodule_git_url": None, "size": 0})
    content = _content(found, entry)
    if len(content) > call.state.limits.content_bytes:
        raise _too_large("This API returns blobs up to 100 MB in size. The requested blob is too large to fetch.")
    if call.wants("raw"):
        return Answer(200, content, RAW)
    shown = _item(call, found, path, "file", entry.sha, ref) | {"size": len(content)}
    if len(content) > call.state.limits.inline_content_bytes:
        return Answer(200, shown | {"encoding": "none", "content": ""})
    return Answer(200, shown | {"encoding": "base64", "content": base64_lines(content)})


def _folder(call: Call, found: Repository, path: str, entries: dict[str, Entry], ref: str) -> list[Json]:
    start = f"{path}/" if path else ""
    items: dict[str, Json] = {}
    for name, entry in entries.items():
        if name.startswith(start):
            own, below, _ = name.removeprefix(start).partition("/")
            kind = "dir" if below else {LINK: "symlink", MODULE: "submodule"}.get(entry.mode, "file")
            items[own] = _item(call, found, start + own, kind, entry.sha, ref)
    if not items:
        raise not_found()
    return [items[name] for name in sorted(items)]


def _item(call: Call, found: Repository, path: str, kind: str, sha: str, ref: str) -> Json:
    url = f"{call.state.url}/repos/{found.full_name}/contents/{quoted(path)}?ref={ref}"
    return {"type": kind, "name": path.rpartition("/")[2], "path": path, "sha": sha, "url": url, "html_url": url}


def _joined(path: str, target: str) -> str:
    """Where a relative link leads inside of the repository, or a name that is not there."""
    parts = path.split("/")[:-1]
    for part in target.split("/"):
        if part == ".." and not parts:
            return ""
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "" if target.startswith("/") else "/".join(parts)


def _content(found: Repository, entry: Entry) -> bytes:
    stored = found.git.read(entry.sha)
    if stored is None:
        raise not_found()
    return stored[1]


def _too_large(message: str) -> Problem:
    return Problem(403, message, [{"resource": "Blob", "field": "data", "code": "too_large"}])


@endpoints.on("GET", "/repos/{owner}/{repo}/git/blobs/{sha}")
def blob(call: Call) -> Answer:
    found = call.repository("contents")
    stored = found.git.read(call.arguments["sha"])
    if stored is None or stored[0] != "blob":
        raise not_found()
    content = stored[1]
    if len(content) > call.state.limits.content_bytes:
        raise _too_large("The blob is too large to fetch through the API: this API returns blobs up to 100 MB in size.")
    if call.wants("raw"):
        return Answer(200, content, RAW)
    shown = {"sha": call.arguments["sha"], "size": len(content), "encoding": "base64"}
    return Answer(200, shown | {"content": base64_lines(content)})


@endpoints.on("GET", "/repos/{owner}/{repo}/git/trees/{sha:path}")
def tree(call: Call) -> Answer:
    found = call.repository("contents")
    name = call.arguments["sha"]
    stored = found.git.read(name)
    top = name if stored is not None and stored[0] == "tree" else commit_of(found, name).tree
    deep = call.query.get("recursive") not in (None, "")
    items = _items(found, top, "", deep)
    body = {"sha": top, "tree": items[:TREE_ENTRIES], "truncated": len(items) > TREE_ENTRIES}
    return Answer(200, body)


def _items(found: Repository, sha: str, folder: str, deep: bool) -> list[Json]:
    items: list[Json] = []
    for mode, name, own in found.git.tree_items(sha):
        kind = {FOLDER: "tree", MODULE: "commit"}.get(mode, "blob")
        shown: Json = {"path": folder + name, "mode": mode.zfill(6), "type": kind, "sha": own}
        if kind == "blob" and (stored := found.git.read(own)):
            shown["size"] = len(stored[1])
        items.append(shown)
        if deep and kind == "tree":
            items += _items(found, own, f"{folder}{name}/", deep)
    return items
