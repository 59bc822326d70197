"""The objects of the API as JSON: the fields that clients of reviews read, in GitHub's names."""

from base64 import b64encode

from quorate.testing.github_access import Installation
from quorate.testing.github_git import Commit
from quorate.testing.github_http import Json
from quorate.testing.github_state import (
    CheckRun,
    IssueComment,
    Pull,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    State,
    Status,
    User,
    instant,
)

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def node(kind: str, number: int) -> str:
    """A node id of GraphQL, such as ``PRR_1``."""
    return f"{kind}_{number}"


def user_json(user: User) -> Json:
    return {"login": user.login, "id": user.id, "node_id": node("U", user.id), "type": user.type, "site_admin": False}


def repository_json(state: State, repository: Repository) -> Json:
    url = f"{state.url}/repos/{repository.full_name}"
    return {
        "id": repository.id,
        "node_id": node("R", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": user_json(repository.owner),
        "private": repository.private,
        "visibility": "private" if repository.private else "public",
        "fork": False,
        "archived": False,
        "default_branch": repository.default_branch,
        "url": url,
        "html_url": url,
        "clone_url": repository.git.path.as_uri(),
    }


def pull_json(state: State, repository: Repository, pull: Pull, *, whole: bool = True) -> Json:
    """``whole`` is the object of its own page; a list's items have no counts."""
    url = f"{state.url}/repos/{repository.full_name}/pulls/{pull.number}"
    base_repository = repository_json(state, repository)
    head_repository = base_repository
    if pull.fork is not None:
        full_name = f"{pull.fork.login}/{repository.name}"
        head_repository = {
            **base_repository,
            "id": repository.id + 500_000 + pull.fork.id,
            "full_name": full_name,
            "owner": user_json(pull.fork),
            "fork": True,
        }
    body: Json = {
        "id": pull.id,
        "node_id": node("PR", pull.id),
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "body": pull.body,
        "draft": pull.draft,
        "locked": False,
        "user": user_json(pull.author),
        "author_association": association(state, repository, pull.author),
        "labels": [],
        "created_at": instant(pull.created_at),
        "updated_at": instant(pull.updated_at),
        "closed_at": instant(pull.updated_at) if pull.state == "closed" else None,
        "merged_at": instant(pull.updated_at) if pull.merged else None,
        "merge_commit_sha": None,
        "base": _end(repository.owner, pull.base_ref, pull.base, base_repository),
        "head": _end(pull.fork or repository.owner, pull.head_ref, pull.head, head_repository),
        "url": url,
        "html_url": url,
        "diff_url": f"{url}.diff",
    }
    if whole:
        files = repository.diff(pull).files
        body |= {
            "merged": pull.merged,
            "mergeable": None,
            "comments": len(pull.comments),
            "review_comments": len(pull.review_comments),
            "commits": len(repository.git.between(pull.base, pull.head)),
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "changed_files": len(files),
        }
    return body


def _end(owner: User, ref: str, sha: str, repository: Json) -> Json:
    return {"label": f"{owner.login}:{ref}", "ref": ref, "sha": sha, "user": user_json(owner), "repo": repository}


def association(state: State, repository: Repository, user: User) -> str:
    """What GitHub calls an author: OWNER, COLLABORATOR or NONE. (Members of organizations are not imitated.)"""
    if user is repository.owner:
        return "OWNER"
    return "COLLABORATOR" if state.access.role(user, repository) in ("admin", "maintain", "write") else "NONE"


def issue_json(state: State, repository: Repository, pull: Pull) -> Json:
    """A pull request as an issue, as the events of comments have it."""
    url = f"{state.url}/repos/{repository.full_name}"
    return {
        "id": pull.id,
        "number": pull.number,
        "title": pull.title,
        "state": pull.state,
        "body": pull.body,
        "draft": pull.draft,
        "locked": False,
        "user": user_json(pull.author),
        "pull_request": {"url": f"{url}/pulls/{pull.number}"},
        "url": f"{url}/issues/{pull.number}",
    }


def commit_json(state: State, repository: Repository, commit: Commit) -> Json:
    who = {"name": commit.author, "email": f"{commit.author}@users.noreply.github.com", "date": instant(commit.at)}
    author = user_json(state.user(commit.author))
    return {
        "sha": commit.sha,
        "url": f"{state.url}/repos/{repository.full_name}/commits/{commit.sha}",
        "commit": {"message": commit.message, "author": who, "committer": who, "tree": {"sha": commit.tree}},
        "author": author,
        "committer": author,
        "parents": [{"sha": sha} for sha in commit.parents],
    }


def review_json(state: State, repository: Repository, pull: Pull, review: Review) -> Json:
    shown: Json = {
        "id": review.id,
        "node_id": node("PRR", review.id),
        "user": user_json(review.user),
        "body": review.body,
        "state": review.state,
        "commit_id": review.commit,
        "author_association": association(state, repository, review.user),
        "pull_request_url": f"{state.url}/repos/{repository.full_name}/pulls/{pull.number}",
        "html_url": f"{state.url}/repos/{repository.full_name}/pulls/{pull.number}#pullrequestreview-{review.id}",
    }
    if review.submitted_at is not None:
        shown["submitted_at"] = instant(review.submitted_at)
    return shown


def review_comment_json(state: State, repository: Repository, pull: Pull, comment: ReviewComment) -> Json:
    url = f"{state.url}/repos/{repository.full_name}/pulls"
    shown: Json = {
        "id": comment.id,
        "node_id": node("PRRC", comment.id),
        "pull_request_review_id": comment.review.id,
        "user": user_json(comment.user),
        "author_association": association(state, repository, comment.user),
        "body": comment.body,
        "path": comment.path,
        "side": comment.side,
        "line": comment.line,
        "start_side": comment.start_side,
        "start_line": comment.start_line,
        "original_line": comment.original_line,
        "original_start_line": comment.original_start_line,
        "position": comment.position,
        "subject_type": "line",
        "commit_id": comment.commit,
        "original_commit_id": comment.original_commit,
        "diff_hunk": comment.diff_hunk,
        "created_at": instant(comment.at),
        "updated_at": instant(comment.updated_at),
        "reactions": reactions_json(comment.reactions),
        "url": f"{url}/comments/{comment.id}",
        "html_url": f"{url}/{pull.number}#discussion_r{comment.id}",
        "pull_request_url": f"{url}/{pull.number}",
    }
    if comment.in_reply_to is not None:
        shown["in_reply_to_id"] = comment.in_reply_to
    return shown


def issue_comment_json(state: State, repository: Repository, pull: Pull, comment: IssueComment) -> Json:
    url = f"{state.url}/repos/{repository.full_name}/issues"
    return {
        "id": comment.id,
        "node_id": node("IC", comment.id),
        "user": user_json(comment.user),
        "author_association": association(state, repository, comment.user),
        "body": comment.body,
        "created_at": instant(comment.at),
        "updated_at": instant(comment.updated_at),
        "reactions": reactions_json(comment.reactions),
        "url": f"{url}/comments/{comment.id}",
        "html_url": f"{url}/{pull.number}#issuecomment-{comment.id}",
        "issue_url": f"{url}/{pull.number}",
    }


def reactions_json(reactions: list[Reaction]) -> Json:
    counts = {name: sum(r.content == name for r in reactions) for name in REACTIONS}
    return {"total_count": len(reactions), **counts}


def reaction_json(reaction: Reaction) -> Json:
    return {
        "id": reaction.id,
        "user": user_json(reaction.user),
        "content": reaction.content,
        "created_at": instant(reaction.at),
    }


def check_run_json(state: State, repository: Repository, run: CheckRun) -> Json:
    url = f"{state.url}/repos/{repository.full_name}/check-runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "head_sha": run.head,
        "status": run.status,
        "conclusion": run.conclusion,
        "details_url": run.details_url,
        "external_id": run.external_id,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "app": {"id": state.access.app.id, "slug": run.app},
        "url": url,
        "html_url": url,
    }


def status_json(status: Status) -> Json:
    return {
        "id": status.id,
        "state": status.state,
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "creator": user_json(status.user),
        "created_at": instant(status.at),
        "updated_at": instant(status.at),
    }


def installation_json(state: State, installation: Installation) -> Json:
    return {
        "id": installation.id,
        "account": user_json(installation.account),
        "app_id": state.access.app.id,
        "app_slug": installation.slug,
        "target_type": installation.account.type,
        "repository_selection": "all" if installation.repositories is None else "selected",
        "permissions": installation.permissions,
        "events": sorted(state.access.app.events),
        "access_tokens_url": f"{state.url}/app/installations/{installation.id}/access_tokens",
        "suspended_at": None,
    }


def base64_lines(content: bytes) -> str:
    """As the API writes it: 60 characters a line."""
    text = b64encode(content).decode()
    return "".join(text[at : at + 60] + "\n" for at in range(0, len(text), 60))
