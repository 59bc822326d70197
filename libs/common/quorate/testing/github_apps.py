"""Endpoints of who one is: the user, the App, its installations and its webhook; and the rate limit."""

from quorate.testing.github_hooks import Delivery
from quorate.testing.github_http import Answer, Call, Endpoints, Json, Problem, not_found
from quorate.testing.github_json import installation_json, repository_json, user_json
from quorate.testing.github_state import instant

endpoints = Endpoints()
DELIVERIES = "/app/hook/deliveries"


@endpoints.on("GET", "/user")
def user(call: Call) -> Answer:
    if call.identity.kind in ("installation", "app"):
        raise Problem(403, "Resource not accessible by integration")
    return Answer(200, user_json(call.identity.account))


@endpoints.on("GET", "/rate_limit")
def rate_limit(call: Call) -> Answer:
    rates = call.state.access.rates(call.identity)
    return Answer(200, {"resources": {"core": rates, "graphql": rates}, "rate": rates})


@endpoints.on("GET", "/app")
def app(call: Call) -> Answer:
    _as_app(call)
    known = call.state.access.app
    return Answer(200, {"id": known.id, "slug": known.slug, "name": known.slug, "events": sorted(known.events)})


@endpoints.on("GET", "/app/installations")
def installations(call: Call) -> Answer:
    _as_app(call)
    return call.page([*call.state.installations.values()], lambda one: installation_json(call.state, one))


@endpoints.on("GET", "/app/installations/{installation:int}")
def installation(call: Call) -> Answer:
    _as_app(call)
    found = call.state.installations.get(call.arguments["installation"])
    if found is None:
        raise not_found()
    return Answer(200, installation_json(call.state, found))


@endpoints.on("GET", "/repos/{owner}/{repo}/installation")
def installation_of(call: Call) -> Answer:
    _as_app(call)
    full_name = f"{call.arguments['owner']}/{call.arguments['repo']}".lower()
    repository = call.state.repositories.get(full_name)
    for found in call.state.installations.values():
        if repository is not None and found.account is repository.owner and found.reaches(full_name):
            return Answer(200, installation_json(call.state, found))
    raise not_found()


@endpoints.on("POST", "/app/installations/{installation:int}/access_tokens")
def access_token(call: Call) -> Answer:
    _as_app(call)
    found = call.state.installations.get(call.arguments["installation"])
    if found is None:
        raise not_found()
    names, numbers = call.body.get("repositories"), call.body.get("repository_ids")
    known = {repository.id: repository.name for repository in call.state.repositories.values()}
    if numbers is not None:
        names = [*(names or ()), *(known.get(number, f"#{number}") for number in numbers)]
    token, made = call.state.access.installation_token(found, call.body.get("permissions"), names)
    chosen = made.identity.repositories
    body: Json = {
        "token": token,
        "expires_at": instant(made.expires_at),
        "permissions": dict(made.identity.permissions),
        "repository_selection": "all" if chosen is None else "selected",
    }
    if chosen is not None:
        shown = [call.state.repositories[name] for name in sorted(chosen) if name in call.state.repositories]
        body["repositories"] = [repository_json(call.state, repository) for repository in shown]
    return Answer(201, body)


@endpoints.on("GET", "/installation/repositories")
def repositories(call: Call) -> Answer:
    if call.identity.installation is None:
        raise Problem(403, "You must authenticate with an installation access token in order to list repositories.")
    account, chosen = call.identity.installation.account, call.identity.repositories
    found = [
        repository
        for name, repository in call.state.repositories.items()
        if repository.owner is account and (chosen is None or name in chosen)
    ]
    return call.page(found, lambda repository: repository_json(call.state, repository), under="repositories")


@endpoints.on("DELETE", "/installation/token")
def revoke(call: Call) -> Answer:
    if call.identity.installation is None:
        raise Problem(403, "You must authenticate with an installation access token in order to revoke it.")
    call.state.access.revoke(call.token)
    return Answer(204)


@endpoints.on("GET", DELIVERIES)
def deliveries(call: Call) -> Answer:
    """Newest first. Pages are by cursor: the id after which the next one begins."""
    _as_app(call)
    status, cursor = call.query.get("status"), call.number("cursor", 0)
    size = max(1, min(100, call.number("per_page", 30)))
    chosen = [
        delivery
        for delivery in sorted(call.state.hooks.deliveries, key=lambda delivery: -delivery.id)
        if (not cursor or delivery.id <= cursor)
        and (status not in ("success", "failure") or (status == "success") == (200 <= delivery.status_code < 400))
    ]
    headers = {}
    if len(chosen) > size:
        headers["link"] = f'<{call.at(cursor=chosen[size].id)}>; rel="next"'
    return Answer(200, [delivery.told(instant(delivery.at)) for delivery in chosen[:size]], headers)


@endpoints.on("GET", DELIVERIES + "/{delivery:int}")
def delivery(call: Call) -> Answer:
    found = _delivery(call)
    shown: Json = found.told(instant(found.at))
    shown["url"] = found.url
    shown["request"] = {"headers": found.request, "payload": found.event.payload}
    shown["response"] = {"headers": found.response, "payload": found.answer}
    return Answer(200, shown)


@endpoints.on("POST", DELIVERIES + "/{delivery:int}/attempts")
def attempt(call: Call) -> Answer:
    call.state.hooks.redeliver(_delivery(call).event)
    return Answer(202, {})


def _delivery(call: Call) -> Delivery:
    _as_app(call)
    for found in call.state.hooks.deliveries:
        if found.id == call.arguments["delivery"]:
            return found
    raise not_found()


def _as_app(call: Call) -> None:
    if call.identity.kind != "app":
        raise Problem(401, "A JSON web token could not be decoded")
