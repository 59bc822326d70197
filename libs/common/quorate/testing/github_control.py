"""How a test plays the other side: people, pushes, the App, the webhook, faults; and looks at what came of it.

The same calls are served below ``/_double/``: ``POST /_double/open_pull`` with the arguments as a JSON object. What
they return is JSON, in the shapes of GitHub's API where it has one. They raise ValueError or LookupError for what is
not there.
"""

from collections.abc import Mapping, Sequence

from quorate.testing.github_access import PERMISSIONS, ROLES, Installation
from quorate.testing.github_anchors import follow
from quorate.testing.github_comments import write_comment
from quorate.testing.github_events import pull_event
from quorate.testing.github_git import Content, GitRepository, Tree
from quorate.testing.github_http import Json
from quorate.testing.github_json import (
    installation_json,
    issue_comment_json,
    pull_json,
    repository_json,
    review_comment_json,
    user_json,
)
from quorate.testing.github_reviews import write_reply
from quorate.testing.github_state import Pull, Repository
from quorate.testing.github_weather import Weather

Files = Mapping[str, Content]


class Control(Weather):
    """See the module. ``repo`` is ``owner/name``; times are seconds since 1970."""

    # Repositories and people

    def create_repository(
        self,
        repo: str,
        files: Files | None = None,
        *,
        private: bool = False,
        code_scanning: bool = True,
        organization: bool = False,
        install: bool = True,
    ) -> Json:
        """A repository whose default branch ``main`` has these files. With ``install`` the App is installed in it."""
        owner_name, slash, name = repo.partition("/")
        if not slash or not name or "/" in name:
            raise ValueError(f"{repo!r} is no repository: give owner/name")
        with self.state.lock:
            if repo.lower() in self.state.repositories:
                raise ValueError(f"{repo} is there already")
            owner = self.state.user(owner_name, "Organization" if organization else "User")
            git = GitRepository(self.state.folder / owner.login / f"{name}.git")
            made = Repository(self.state.id("repository"), owner, name, private, code_scanning, git)
            self.state.repositories[repo.lower()] = made
            tree = git.over({}, {"README.md": f"# {name}\n"} if files is None else files)
            self._commit(made, "refs/heads/main", tree, (), "Begin", owner.login)
            if install and not any(i.account is owner for i in self.state.installations.values()):
                self.install(owner.login)
            return repository_json(self.state, made)

    def set_permission(self, repo: str, login: str, role: str) -> Json:
        """Of a user, who is made when not there: admin, maintain, write, triage, read or none."""
        if role not in ROLES:
            raise ValueError(f"{role!r} is no role: choose one of {', '.join(ROLES)}")
        with self.state.lock:
            user = self.state.user(login)
            self._repository(repo).roles[login.lower()] = role
            return user_json(user)

    def token(self, login: str) -> str:
        """The personal access token of a user, who is made when not there: always the same for a login."""
        with self.state.lock:
            return self.state.access.token_of(login)

    # The App

    def app(self) -> Json:
        """Id, slug and private key (PEM); the key is made with the first call, in about 0.1 s."""
        with self.state.lock:
            app = self.state.access.app
            return {"id": app.id, "slug": app.slug, "private_key": app.private_key, "login": f"{app.slug}[bot]"}

    def install(
        self, account: str, *, permissions: Mapping[str, str] | None = None, repositories: Sequence[str] | None = None
    ) -> Json:
        """Install the App, or change its installation: what it may, and in which repositories (names; None: all)."""
        with self.state.lock:
            user = self.state.user(account)
            may = dict(PERMISSIONS if permissions is None else permissions)
            chosen = None if repositories is None else frozenset(f"{account}/{name}".lower() for name in repositories)
            known = next((i for i in self.state.installations.values() if i.account is user), None)
            if known is None:
                number = self.state.id("installation")
                known = Installation(number, user, may, chosen, self.state.access.app.slug)
                self.state.installations[number] = known
                self._installation_event(known, "created")
            else:
                known.permissions, known.repositories = may, chosen
            return installation_json(self.state, known)

    def uninstall(self, account: str) -> None:
        """Its tokens end with it."""
        with self.state.lock:
            known = self._installation(account)
            del self.state.installations[known.id]
            self._installation_event(known, "deleted")

    def installation_token(
        self,
        account: str,
        *,
        permissions: Mapping[str, str] | None = None,
        repositories: Sequence[str] | None = None,
    ) -> str:
        """A token of the App's installation, without the way over its JWT."""
        with self.state.lock:
            known = self._installation(account)
            return self.state.access.installation_token(known, permissions, repositories)[0]

    def actions_token(self, repo: str, *, permissions: Mapping[str, str] | None = None) -> str:
        """A ``GITHUB_TOKEN`` as a workflow of this repository has it: of ``github-actions[bot]``."""
        with self.state.lock:
            repository = self._repository(repo)
            may = dict(PERMISSIONS if permissions is None else permissions)
            number = self.state.id("installation of actions")
            only = frozenset({repository.full_name.lower()})
            # Not among the App's own installations: the App hears nothing of it.
            return self.state.access.installation_token(
                Installation(number, repository.owner, may, only, "github-actions", workflow=True)
            )[0]

    # Pull requests

    def open_pull(
        self,
        repo: str,
        head: Files,
        *,
        base: Files | None = None,
        branch: str = "main",
        title: str = "A change",
        body: str | None = None,
        author: str = "author",
        draft: bool = False,
        fork: str | None = None,
        head_ref: str | None = None,
    ) -> Json:
        """A pull request. ``base`` is first laid over ``branch`` and committed there; ``head`` is laid over that.

        ``fork`` is the login whose fork it comes from. An author who is not known may write, unless from a fork.
        """
        with self.state.lock:
            repository = self._repository(repo)
            known = author.lower() in repository.roles
            user = self.state.user(author)
            if not known and fork is None:
                repository.roles[author.lower()] = "write"
            start = repository.git.resolve(f"refs/heads/{branch}")
            if base is not None or start is None:
                tree = repository.git.over(start.entries if start else {}, base or {})
                parents = (start.sha,) if start else ()
                made = self._commit(repository, f"refs/heads/{branch}", tree, parents, "Base", repository.owner.login)
                start = repository.git.commits[made]
            number = len(repository.pulls) + 1
            ref = head_ref or f"change-{number}"
            tree = repository.git.over(start.entries, head)
            sha = self._commit(repository, f"refs/pull/{number}/head", tree, (start.sha,), title, author)
            now = self.state.now()
            pull = Pull(
                id=self.state.id("pull"),
                number=number,
                title=title,
                body=body,
                author=user,
                base_ref=branch,
                base=start.sha,
                head_ref=ref,
                head=sha,
                fork=self.state.user(fork) if fork else None,
                draft=draft,
                created_at=now,
                updated_at=now,
                heads=[sha],
            )
            if fork is None:
                repository.git.point(f"refs/heads/{ref}", sha)
            repository.pulls[number] = pull
            pull_event(self.state, repository, pull, "opened", user)
            return pull_json(self.state, repository, pull)

    def push(
        self, repo: str, number: int, head: Files, *, message: str = "More", force: bool = False, by: str | None = None
    ) -> Json:
        """A commit on the pull request; with ``force`` it replaces all that were there, on what the base branch now is.

        Comments move with their lines; those whose lines were changed are outdated.
        """
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            before = (repository.merge_base(pull), pull.head)
            git = repository.git
            tip = git.resolve(f"refs/heads/{pull.base_ref}") if force else git.commits[pull.head]
            if tip is None:
                raise LookupError(f"{repo} has no branch {pull.base_ref}")
            user = self.state.user(by) if by else pull.author
            tree = git.over(tip.entries, head)
            sha = self._commit(repository, f"refs/pull/{number}/head", tree, (tip.sha,), message, user.login)
            if pull.fork is None:
                git.point(f"refs/heads/{pull.head_ref}", sha)
            pull.head = sha
            pull.heads.append(sha)
            if force:
                pull.base = tip.sha
            pull.updated_at = self.state.now()
            if pull.threads:
                follow(repository, pull, pull.review_comments, before)
            pull_event(self.state, repository, pull, "synchronize", user, before=before[1], after=sha)
            return pull_json(self.state, repository, pull)

    def push_branch(self, repo: str, files: Files, *, branch: str = "main", message: str = "Elsewhere") -> str:
        """A commit on a branch, beside all pull requests; returns its id."""
        with self.state.lock:
            repository = self._repository(repo)
            tip = repository.git.resolve(f"refs/heads/{branch}")
            tree = repository.git.over(tip.entries if tip else {}, files)
            parents = (tip.sha,) if tip else ()
            return self._commit(repository, f"refs/heads/{branch}", tree, parents, message, repository.owner.login)

    def close(self, repo: str, number: int, *, merged: bool = False, by: str | None = None) -> Json:
        """``merged`` is only said: the base branch stays where it is."""
        with self.state.lock:
            _, pull = self._pull(repo, number)
            pull.state, pull.merged = "closed", merged
        return self._changed(repo, number, "closed", by)

    def reopen(self, repo: str, number: int, *, by: str | None = None) -> Json:
        with self.state.lock:
            _, pull = self._pull(repo, number)
            if pull.merged:
                raise ValueError(f"{repo}#{number} is merged: nobody can reopen it")
            pull.state = "open"
        return self._changed(repo, number, "reopened", by)

    def ready(self, repo: str, number: int, *, by: str | None = None) -> Json:
        """A draft becomes ready for review."""
        with self.state.lock:
            self._pull(repo, number)[1].draft = False
        return self._changed(repo, number, "ready_for_review", by)

    def edit(
        self, repo: str, number: int, *, title: str | None = None, body: str | None = None, by: str | None = None
    ) -> Json:
        with self.state.lock:
            _, pull = self._pull(repo, number)
            pull.title = title if title is not None else pull.title
            pull.body = body if body is not None else pull.body
        return self._changed(repo, number, "edited", by)

    def _changed(self, repo: str, number: int, action: str, by: str | None) -> Json:
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            pull.updated_at = self.state.now()
            pull_event(self.state, repository, pull, action, self.state.user(by) if by else pull.author)
            return pull_json(self.state, repository, pull)

    def comment(self, repo: str, number: int, body: str, *, by: str) -> Json:
        """Someone comments on the pull request."""
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            made = write_comment(self.state, repository, pull, self.state.user(by), body)
            return issue_comment_json(self.state, repository, pull, made)

    def reply(self, repo: str, number: int, comment: int, body: str, *, by: str) -> Json:
        """Someone replies to a review comment, given by its id."""
        with self.state.lock:
            repository, pull = self._pull(repo, number)
            parent = next((c for c in pull.review_comments if c.id == comment), None)
            if parent is None:
                raise LookupError(f"{repo}#{number} has no review comment {comment}")
            made = write_reply(self.state, repository, pull, parent, self.state.user(by), body)
            return review_comment_json(self.state, repository, pull, made)

    def resolve(self, repo: str, number: int, thread: str, *, by: str, resolved: bool = True) -> None:
        """Someone resolves a thread, given by its id, or opens it again."""
        with self.state.lock:
            for known in self._pull(repo, number)[1].threads:
                if known.id == thread:
                    known.resolved_by = self.state.user(by) if resolved else None
                    return
            raise LookupError(f"{repo}#{number} has no thread {thread}")

    def _installation(self, account: str) -> Installation:
        for known in self.state.installations.values():
            if known.account.login.lower() == account.lower():
                return known
        raise LookupError(f"the App is not installed at {account}: install it first")

    def _installation_event(self, installation: Installation, action: str) -> None:
        shown = {
            "installation": installation_json(self.state, installation),
            "repositories": [],
            "sender": user_json(installation.account),
        }
        self.state.hooks.happened("installation", action, shown, installation=None, repository=None)

    def _commit(
        self, repository: Repository, ref: str, tree: Tree, parents: tuple[str, ...], message: str, author: str
    ) -> str:
        made = repository.git.commit(tree, parents, message, author, int(self.state.now()))
        repository.git.point(ref, made.sha)
        return made.sha
