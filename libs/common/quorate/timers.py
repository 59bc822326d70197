"""Deadlines: a schedule in the broker that becomes a fact when it fires. Nobody sleeps for a deadline.

Schedules are kept out of the log, because a stream that allows them lets whoever may publish to it forge and erase.
"""

import logging

from quorate.bus import Bus
from quorate.contract import subjects
from quorate.contract.facts import TimerFired
from quorate.contract.ids import message_id
from quorate.contract.result import iso
from quorate.dead_letters import bury_delivery
from quorate.log import publish_fact
from quorate.provision import ensure_consumers
from quorate.pull import Delivery, Pull
from quorate.settings import Settings
from quorate.topology import timer_consumer

log = logging.getLogger("quorate.timers")


async def set_timer(bus: Bus, task: str, timer: TimerFired, at: float) -> None:
    """Let ``timer`` become a fact of the task at ``at`` (seconds since the epoch; a past time fires at once)."""
    await bus.publish(
        subjects.schedule(task, timer.name),
        timer.encode(),
        message_id=message_id("timer", task, timer.name, timer.step, timer.attempt),
        headers={"Nats-Schedule": f"@at {iso(at)}", "Nats-Schedule-Target": subjects.fired(task, timer.name)},
    )


async def clear_timers(bus: Bus, task: str) -> None:
    """Take back the timers of a task that has ended. One that fires all the same is stale and changes nothing."""
    await bus.api(f"STREAM.PURGE.{subjects.TIMERS}", {"filter": subjects.schedule(task, "*")})


class TimerRelay:
    """Turns timers that fired into facts. Any number of processes may run it."""

    def __init__(self, bus: Bus, settings: Settings) -> None:
        self._bus = bus
        self._settings = settings
        self._pull = Pull(
            bus,
            subjects.TIMERS,
            timer_consumer(settings)["durable_name"],
            self._relay,
            concurrency=32,
            ack_wait_s=settings.ack_wait_s,
            grace_s=settings.stop_grace_s,
        )

    async def start(self) -> None:
        await ensure_consumers(self._bus, subjects.TIMERS, [timer_consumer(self._settings)])
        await self._pull.start()

    async def stop(self) -> None:
        await self._pull.stop()

    async def _relay(self, delivery: Delivery) -> None:
        task, name = delivery.subject.split(".")[3:5]
        try:
            timer = TimerFired.model_validate_json(delivery.data)
        except ValueError as error:
            await bury_delivery(self._bus, subjects.TIMERS, delivery, f"not a timer: {error}", by="relay")
        else:
            await publish_fact(self._bus, task, name, timer)
        await delivery.ack()
