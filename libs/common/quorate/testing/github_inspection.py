"""What came of it: everything that was written to the double, as a test looks at it."""

from dataclasses import asdict

from quorate.testing.github_http import Json
from quorate.testing.github_json import (
    check_run_json,
    issue_comment_json,
    node,
    pull_json,
    reaction_json,
    review_comment_json,
    review_json,
    status_json,
)
from quorate.testing.github_state import Pull, Repository, State


class Inspection:
    """See ``github_control``."""

    def __init__(self, state: State) -> None:
        self.state = state

    def pull(self, repo: str, number: int) -> Json:
        with self.state.lock:
            return pull_json(self.state, *self._pull(repo, number))

    def reviews(self, repo: str, number: int) -> list[Json]:
        """All, pending ones too; each with its ``comments``."""
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            shown = []
            for review in pull.reviews:
                own = [c for c in pull.review_comments if c.review is review]
                comments = [review_comment_json(self.state, repository, pull, comment) for comment in own]
                shown.append({**review_json(self.state, repository, pull, review), "comments": comments})
            return shown

    def threads(self, repo: str, number: int) -> list[Json]:
        """Each with ``id``, ``isResolved``, ``resolvedBy``, ``isOutdated``, ``path``, ``line`` and ``comments``."""
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            return [
                {
                    "id": thread.id,
                    "isResolved": thread.resolved_by is not None,
                    "resolvedBy": thread.resolved_by.login if thread.resolved_by else None,
                    "isOutdated": thread.comments[0].line is None,
                    "path": thread.comments[0].path,
                    "line": thread.comments[0].line,
                    "comments": [review_comment_json(self.state, repository, pull, c) for c in thread.comments],
                }
                for thread in pull.threads
            ]

    def comments(self, repo: str, number: int) -> list[Json]:
        """On the pull request itself; ``minimized`` is the reason or None."""
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            return [
                {**issue_comment_json(self.state, repository, pull, comment), "minimized": comment.minimized}
                for comment in pull.comments
            ]

    def reactions(self, repo: str, number: int) -> list[Json]:
        """On the pull request, its comments and its review comments; ``on`` is the node id of what was reacted to."""
        with self.state.lock:
            _, pull = self._pull(repo, number)
            held = [(node("PR", pull.id), pull.reactions)]
            held += [(node("IC", comment.id), comment.reactions) for comment in pull.comments]
            held += [(node("PRRC", comment.id), comment.reactions) for comment in pull.review_comments]
            return [{"on": on, **reaction_json(reaction)} for on, reactions in held for reaction in reactions]

    def check_runs(self, repo: str) -> list[Json]:
        """Of all commits, oldest first, each with all of its ``annotations``."""
        with self.state.lock:
            repository = self._repository(repo)
            return [
                {**check_run_json(self.state, repository, run), "annotations": run.annotations}
                for run in repository.check_runs.values()
            ]

    def statuses(self, repo: str) -> list[Json]:
        """Of all commits, oldest first, each with its ``sha``."""
        with self.state.lock:
            return [{**status_json(status), "sha": status.sha} for status in self._repository(repo).statuses]

    def sarifs(self, repo: str) -> list[Json]:
        """The uploads: ``id``, ``commit``, ``ref``, ``tool`` and ``document``, which is the SARIF itself."""
        with self.state.lock:
            return [asdict(sarif) for sarif in self._repository(repo).sarifs.values()]

    def journal(self, since: int = 0) -> list[Json]:
        """Every request after the one of this number, oldest first; see ``github_faults.Entry``."""
        with self.state.lock:
            return [entry.told() for entry in self.state.journal.entries if entry.number > since]

    def repo_path(self, repo: str) -> str:
        """The folder of the bare repository."""
        return str(self._repository(repo).git.path)

    def _repository(self, repo: str) -> Repository:
        found = self.state.repositories.get(repo.lower())
        if found is None:
            known = ", ".join(r.full_name for r in self.state.repositories.values()) or "none"
            raise LookupError(f"there is no repository {repo}; known: {known}")
        return found

    def _pull(self, repo: str, number: int) -> tuple[Repository, Pull]:
        repository = self._repository(repo)
        if number not in repository.pulls:
            raise LookupError(f"{repo} has no pull request {number}")
        return repository, repository.pulls[number]
