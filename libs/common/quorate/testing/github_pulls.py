"""Endpoints of repositories and pull requests: the pull request, its diff, files and commits, and comparisons."""

from urllib.parse import quote

from quorate.testing.github_diff import ChangedFile
from quorate.testing.github_git import Commit
from quorate.testing.github_http import Answer, Call, Endpoints, Json, Problem, not_found
from quorate.testing.github_json import commit_json, pull_json, repository_json, user_json
from quorate.testing.github_state import Repository

endpoints = Endpoints()
PULLS = "/repos/{owner}/{repo}/pulls"
COMPARED_FILES, PULL_COMMITS = 300, 250


@endpoints.on("GET", "/repos/{owner}/{repo}")
def repository(call: Call) -> Answer:
    return Answer(200, repository_json(call.state, call.repository()))


@endpoints.on("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission")
def permission(call: Call) -> Answer:
    found = call.repository("metadata", role="write")
    user = call.state.users.get(call.arguments["username"].lower())
    if user is None:
        raise not_found()
    role = call.state.access.role(user, found)
    # `permission` knows four words, `role_name` all of them.
    word = {"maintain": "write", "triage": "read"}.get(role, role)
    return Answer(200, {"permission": word, "role_name": role, "user": user_json(user)})


@endpoints.on("GET", PULLS)
def pulls(call: Call) -> Answer:
    found = call.repository("pull_requests")
    state, head, base = call.query.get("state", "open"), call.query.get("head"), call.query.get("base")
    chosen = [
        pull
        for pull in found.pulls.values()
        if state in (pull.state, "all")
        and (not head or head.lower() == f"{(pull.fork or found.owner).login}:{pull.head_ref}".lower())
        and (not base or base == pull.base_ref)
    ]
    by_update = call.query.get("sort") == "updated"
    descending = call.query.get("direction", "desc" if call.query.get("sort", "created") == "created" else "asc")
    chosen.sort(key=lambda p: (p.updated_at if by_update else 0.0, p.number), reverse=descending == "desc")
    return call.page(chosen, lambda pull: pull_json(call.state, found, pull, whole=False))


@endpoints.on("GET", PULLS + "/{number:int}")
def pull(call: Call) -> Answer:
    found = call.repository("pull_requests")
    chosen = call.pull(found)
    if not call.wants("diff", "patch"):
        return Answer(200, pull_json(call.state, found, chosen))
    diff = found.diff(chosen)
    _refuse_large(call, len(diff.files), diff.text)
    kind = "diff" if call.wants("diff") else "patch"
    return Answer(200, diff.text, {"content-type": f"application/vnd.github.{kind}; charset=utf-8"})


def _refuse_large(call: Call, files: int, text: bytes) -> None:
    limits = call.state.limits
    lines = text.count(b"\n")
    too_large = None
    if files > limits.diff_files:
        too_large = (
            f"number of files ({limits.diff_files}). Consider using 'List pull requests files' API or locally cloning "
            "the repository instead."
        )
    elif lines > limits.diff_lines:
        too_large = f"number of lines ({limits.diff_lines})"
    elif len(text) > limits.diff_bytes:
        too_large = f"size ({limits.diff_bytes} bytes)"
    if too_large:
        raise Problem(
            406,
            f"Sorry, the diff exceeded the maximum {too_large}",
            [{"resource": "PullRequest", "field": "diff", "code": "too_large"}],
        )


@endpoints.on("GET", PULLS + "/{number:int}/files")
def files(call: Call) -> Answer:
    found = call.repository("pull_requests")
    chosen = call.pull(found)
    listed = found.diff(chosen).files[: call.state.limits.listed_files]
    return call.page(listed, lambda file: _file_json(call, found, file, chosen.head))


@endpoints.on("GET", PULLS + "/{number:int}/commits")
def commits(call: Call) -> Answer:
    found = call.repository("pull_requests", "contents")
    chosen = call.pull(found)
    listed = found.git.between(chosen.base, chosen.head)[:PULL_COMMITS]
    return call.page(listed, lambda commit: commit_json(call.state, found, commit))


@endpoints.on("GET", "/repos/{owner}/{repo}/commits/{ref}")
def commit(call: Call) -> Answer:
    found = call.repository("contents")
    return Answer(200, commit_json(call.state, found, commit_of(found, call.arguments["ref"])))


@endpoints.on("GET", "/repos/{owner}/{repo}/compare/{basehead:path}")
def compare(call: Call) -> Answer:
    found = call.repository("contents")
    base_name, dots, head_name = call.arguments["basehead"].partition("...")
    if not dots:
        raise not_found()
    # owner:branch names a branch of a fork; its commits are known here as well.
    base, head = (commit_of(found, name.partition(":")[2] or name) for name in (base_name, head_name))
    middle = found.git.merge_base(base.sha, head.sha)
    if middle is None:
        raise Problem(404, f"No common ancestor between {base_name} and {head_name}.")
    diff = found.git.diff(middle, head.sha)
    if call.wants("diff", "patch"):
        _refuse_large(call, len(diff.files), diff.text)
        return Answer(200, diff.text, {"content-type": "application/vnd.github.diff; charset=utf-8"})
    ahead, behind = found.git.between(base.sha, head.sha), found.git.between(head.sha, base.sha)
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    size, page = max(1, min(100, call.number("per_page", 100))), max(1, call.number("page", 1))
    return Answer(
        200,
        {
            "status": status.get((bool(ahead), bool(behind)), "diverged"),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "base_commit": commit_json(call.state, found, base),
            "merge_base_commit": commit_json(call.state, found, found.git.commits[middle]),
            "commits": [commit_json(call.state, found, c) for c in ahead[(page - 1) * size : page * size]],
            # Only the first page has files.
            "files": [_file_json(call, found, f, head.sha) for f in diff.files[:COMPARED_FILES]] if page == 1 else [],
        },
    )


def commit_of(found: Repository, ref: str) -> Commit:
    """Raises Problem: 422 where an id is unknown, 404 where a branch is."""
    commit = found.git.resolve(ref)
    if commit is None:
        if len(ref) == 40 and all(digit in "0123456789abcdef" for digit in ref):
            raise Problem(422, f"No commit found for SHA: {ref}")
        raise not_found()
    return commit


def quoted(path: str) -> str:
    """As a part of a URL."""
    return quote(path.encode("utf-8", "surrogateescape"))


def _file_json(call: Call, found: Repository, file: ChangedFile, head: str) -> Json:
    url = f"{call.state.url}/repos/{found.full_name}"
    shown: Json = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "contents_url": f"{url}/contents/{quoted(file.path)}?ref={head}",
    }
    if file.previous is not None:
        shown["previous_filename"] = file.previous
    if file.patch is not None and file.size <= call.state.limits.patch_bytes:
        shown["patch"] = file.patch
    return shown
