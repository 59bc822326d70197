"""The webhook, faults and time, as a test plays them."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

from quorate.testing.github_faults import Fault, Kind
from quorate.testing.github_hooks import Delivery, Event
from quorate.testing.github_http import Json
from quorate.testing.github_inspection import Inspection
from quorate.testing.github_state import instant

SETTLE_S = 30.0


class Weather(Inspection):
    """See ``github_control``."""

    def set_hook(self, url: str | None = None, secret: str | None = None, events: Sequence[str] | None = None) -> None:
        """Where the App's events go and what signs them; ``events`` replaces what it subscribes to."""
        with self.state.lock:
            self.state.hooks.url, self.state.hooks.secret = url, secret
            if events is not None:
                self.state.access.app.events = set(events)

    def ping(self) -> None:
        """The event that GitHub sends when a webhook is set up."""
        with self.state.lock:
            body = {"zen": "Keep it logically awesome.", "hook_id": 1}
            self.state.hooks.happened("ping", None, body, installation=None, repository=None)

    def events(self, secret: str | None = None) -> list[Json]:
        """The events that wait: guid, event, action, headers as they would be sent now, and body (text).

        They are signed with this secret, or else with the one of ``set_hook``.
        """
        with self.state.lock:
            signed = secret if secret is not None else self.state.hooks.secret
            return [self._event(event, signed) for event in self.state.hooks.held]

    def take(self, secret: str | None = None) -> list[Json]:
        """As ``events``, and forget them: the caller delivers them itself. The deliveries API will not know them."""
        with self.state.lock:
            taken = self.events(secret)
            self.state.hooks.held.clear()
            return taken

    async def deliver(self, url: str | None = None, secret: str | None = None, limit: int | None = None) -> list[Json]:
        """Post the events that wait, in their order, at most ``limit``; to the App's URL unless another is given."""
        with self.state.lock:
            hooks = self.state.hooks
            to = url or hooks.url
            if to is None:
                raise ValueError("there is no address to deliver to: give a url, or set one with set_hook")
            signed = secret if secret is not None else hooks.secret
            count = len(hooks.held) if limit is None else min(limit, len(hooks.held))
            chosen = [hooks.held.popleft() for _ in range(count)]
        return [self._delivery(await asyncio.to_thread(hooks.post, event, to, signed)) for event in chosen]

    def lose(self, limit: int | None = None) -> list[Json]:
        """The events that wait are lost on their way: only the deliveries API tells of them."""
        with self.state.lock:
            hooks = self.state.hooks
            count = len(hooks.held) if limit is None else min(limit, len(hooks.held))
            return [self._delivery(hooks.lose(hooks.held.popleft())) for _ in range(count)]

    async def redeliver(self, guid: str, url: str | None = None) -> Json:
        """Post an event again that was delivered or lost, with the same ``X-GitHub-Delivery``."""
        with self.state.lock:
            hooks = self.state.hooks
            to = url or hooks.url
            event = next((d.event for d in reversed(hooks.deliveries) if d.event.guid == guid), None)
            if event is None or to is None:
                raise LookupError(f"no delivery has the guid {guid}" if event is None else "there is no address")
        return self._delivery(await asyncio.to_thread(hooks.post, event, to, hooks.secret, redelivery=True))

    def deliveries(self) -> list[Json]:
        """All of them, oldest first."""
        with self.state.lock:
            return [self._delivery(delivery) for delivery in self.state.hooks.deliveries]

    def fault(
        self,
        kind: Kind,
        *,
        method: str = ".*",
        path: str = ".*",
        count: int | None = 1,
        skip: int = 0,
        probability: float = 1.0,
        seed: int = 0,
        seconds: float | None = None,
    ) -> None:
        """From now on, requests whose method (whole) and path (anywhere) match these patterns meet this fault.

        ``count`` of them (None: all), after ``skip`` that pass; or each with ``probability``, drawn with ``seed``.
        """
        with self.state.lock:
            self.state.faults.active.append(Fault(kind, method, path, count, skip, probability, seed, seconds))

    def faults(self) -> list[Json]:
        """What was asked for, and how often each fault struck."""
        with self.state.lock:
            shown = [asdict(fault) for fault in self.state.faults.active]
            return [{name: value for name, value in fault.items() if name[0] != "_"} for fault in shown]

    def clear_faults(self) -> None:
        """Requests meet no faults any more. What was put off still waits for ``settle``."""
        with self.state.lock:
            self.state.faults.active.clear()

    async def settle(self) -> int:
        """Commit what ``commit-late`` put off, and wait for redeliveries that are under way; how many commits."""
        with self.state.lock:
            late = self.state.faults.late[:]
            self.state.faults.late.clear()
            for commit in late:
                commit()
            under_way = self.state.hooks.under_way()
        async with asyncio.timeout(SETTLE_S):
            for future in under_way:
                await asyncio.wrap_future(future)
        return len(late)

    def advance(self, seconds: float) -> None:
        """Let time go by here: tokens expire, limits are reset."""
        with self.state.lock:
            self.state.advance(seconds)

    def spend_limit(self, remaining: int = 0, login: str | None = None) -> None:
        """Leave so many requests until the hour is over, to a login, or to everybody with a token."""
        with self.state.lock:
            self.state.access.spend(login, remaining)

    def _event(self, event: Event, secret: str | None) -> Json:
        headers = self.state.hooks.headers(event, secret)
        shown = {"guid": event.guid, "event": event.name, "action": event.action, "headers": headers}
        return {**shown, "body": event.body.decode()}

    @staticmethod
    def _delivery(delivery: Delivery) -> Json:
        return {**delivery.told(instant(delivery.at)), "answer": delivery.answer}
