"""Make the streams, consumers and buckets, and tell where the existing ones differ from what is wanted.

Everything here may run again and again, from any number of processes. An existing stream is never rewritten: its
owner may have changed a limit on purpose, so a difference is reported, and only one that would do harm is refused.
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any

from quorate import topology
from quorate.bus import ApiError, Bus
from quorate.contract import subjects
from quorate.errors import Misconfigured
from quorate.settings import Settings

log = logging.getLogger("quorate.provision")

_STREAM_NOT_FOUND = 10059
_STREAM_EXISTS = 10058
_CONSUMER_NOT_FOUND = 10014
_NO_ROOM = (10023, 10028, 10047)


@dataclass(frozen=True)
class Drift:
    """A setting of the broker that is not the wanted one. ``harmful`` ones keep the services from starting."""

    where: str
    setting: str
    found: Any
    wanted: Any
    harmful: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.setting} is {self.found!r}, wanted {self.wanted!r}"


@dataclass(frozen=True)
class Provisioned:
    """What stands. ``intake_identity`` tells a re-created intake stream from its predecessor."""

    partitions: int
    intake_identity: str
    drift: tuple[Drift, ...]


async def provision(bus: Bus, settings: Settings) -> Provisioned:
    """Create what is missing and compare what is there.

    The number of partitions is read from the log where it exists; a configured number that differs is refused, for
    the tasks underway would be split between two consumers. Raises Misconfigured.
    """
    recorded = await recorded_partitions(bus)
    wanted = settings.partitions or recorded or topology.DEFAULT_PARTITIONS
    if recorded is not None and recorded != wanted:
        raise Misconfigured(
            f"the log was created with {recorded} partitions, and {wanted} are configured: set partitions = {recorded}"
            " (QUORATE_PARTITIONS), or drain the system and delete the stream QUORATE_LOG"
        )
    configs = topology.streams(settings, wanted)
    found = await asyncio.gather(*(_ensure_stream(bus, config) for config in configs))
    drift = tuple(
        difference
        for config, info in zip(configs, found, strict=True)
        for difference in _compare(config["name"], config, info["config"])
    )
    harmful = [difference for difference in drift if difference.harmful]
    if harmful:
        raise Misconfigured("the broker's streams would break a guarantee: " + "; ".join(map(str, harmful)))
    for difference in drift:
        log.warning("%s", difference, extra={"action": "provision.drift"})
    # Another process may have created the log just now, with another number.
    actual = await recorded_partitions(bus)
    if actual != wanted:
        raise Misconfigured(f"the log has {actual} partitions, and {wanted} are configured: set partitions = {actual}")
    return Provisioned(wanted, str(found[0]["created"]), drift)


async def recorded_partitions(bus: Bus) -> int | None:
    """The partition count that the log was created with, or None when there is no log yet."""
    try:
        info = await bus.api(f"STREAM.INFO.{subjects.LOG}")
    except ApiError as error:
        if error.code == _STREAM_NOT_FOUND:
            return None
        raise
    match = re.search(r"partition\((\d+)", info["config"].get("subject_transform", {}).get("dest", ""))
    if match is None:
        raise Misconfigured("the stream QUORATE_LOG was not made by Quorate: it has no partitions; delete or rename it")
    return int(match.group(1))


async def drift(bus: Bus, settings: Settings) -> tuple[Drift, ...]:
    """Compare without creating anything; a stream that is missing is a drift of its own."""
    wanted = settings.partitions or await recorded_partitions(bus) or topology.DEFAULT_PARTITIONS
    differences: list[Drift] = []
    for config in topology.streams(settings, wanted):
        try:
            info = await bus.api(f"STREAM.INFO.{config['name']}")
        except ApiError as error:
            if error.code != _STREAM_NOT_FOUND:
                raise
            differences.append(Drift(config["name"], "stream", "missing", "present"))
            continue
        differences += _compare(config["name"], config, info["config"])
    return tuple(differences)


async def fill_levels(bus: Bus) -> list[tuple[str, float]]:
    """How full each stream with a size limit is, from 0 to 1."""
    levels = []
    for config in topology.streams(Settings(), topology.DEFAULT_PARTITIONS):
        try:
            info = await bus.api(f"STREAM.INFO.{config['name']}")
        except ApiError:
            continue
        if (limit := info["config"].get("max_bytes", -1)) > 0:
            levels.append((config["name"], info["state"]["bytes"] / limit))
    return levels


async def ensure_consumers(bus: Bus, stream: str, configs: list[dict[str, Any]]) -> tuple[Drift, ...]:
    """Create the consumers that are missing; an existing one is left as it is, and differences are returned.

    Raises Misconfigured for a difference that would do harm.
    """
    results = await asyncio.gather(*(_ensure_consumer(bus, stream, config) for config in configs))
    differences = tuple(difference for result in results for difference in result)
    if harmful := [difference for difference in differences if difference.harmful]:
        raise Misconfigured(
            "a consumer would break a guarantee: " + "; ".join(map(str, harmful)) + "; stop the services and delete it"
        )
    for difference in differences:
        log.warning("%s", difference, extra={"action": "provision.drift"})
    return differences


async def _ensure_stream(bus: Bus, config: dict[str, Any]) -> dict[str, Any]:
    name = config["name"]
    # Asked first: a service that may not create streams can work with those that an operator made.
    try:
        return await _with_expiry(bus, config, await bus.api(f"STREAM.INFO.{name}"))
    except ApiError as error:
        if error.code != _STREAM_NOT_FOUND:
            raise
    try:
        return await bus.api(f"STREAM.CREATE.{name}", config)
    except ApiError as error:
        if error.code in _NO_ROOM:
            raise Misconfigured(
                f"the broker has no room for the stream {name}, which reserves {config['max_bytes'] // 2**20:,} MiB:"
                " raise its max_file_store (or max_memory_store), or lower max_log_bytes and max_stream_bytes"
            ) from error
        if error.code != _STREAM_EXISTS:
            raise
    return await bus.api(f"STREAM.INFO.{name}")


async def _with_expiry(bus: Bus, config: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Let messages of an older stream expire, if they are to: it changes nothing for those that are there, and without
    it none that expires can be stored."""
    if not config.get("allow_msg_ttl") or info["config"].get("allow_msg_ttl"):
        return info
    return await bus.api(f"STREAM.UPDATE.{config['name']}", {**info["config"], "allow_msg_ttl": True})


async def _ensure_consumer(bus: Bus, stream: str, config: dict[str, Any]) -> list[Drift]:
    name = config["durable_name"]
    where = f"{stream}/{name}"
    try:
        info = await bus.api(f"CONSUMER.INFO.{stream}.{name}")
    except ApiError as error:
        if error.code != _CONSUMER_NOT_FOUND:
            raise
        body = {"stream_name": stream, "config": config, "action": "create"}
        try:
            info = await bus.api(f"CONSUMER.CREATE.{stream}.{name}", body)
        except ApiError:
            # Someone else created it in between, with other settings.
            info = await bus.api(f"CONSUMER.INFO.{stream}.{name}")
    return _compare(where, config, info["config"])


# Without these a slot could be taken twice, a fact lost, or two tasks' order mixed.
_HARMFUL = {
    "discard",
    "discard_new_per_subject",
    "max_msgs_per_subject",
    "retention",
    "subject_transform",
    "subjects",
    "max_ack_pending",
    "max_deliver",
    "filter_subject",
    "filter_subjects",
    "ack_policy",
    "allow_msg_ttl",
}


def _compare(where: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[Drift]:
    differences = []
    for setting, value in wanted.items():
        actual = found.get(setting)
        if isinstance(value, list) and isinstance(actual, list):
            same = sorted(value) == sorted(actual)
        else:
            # The broker leaves out what has its zero value.
            same = actual == value or (actual is None and value in (0, False, "", -1))
        # A stream may keep more than was asked for, as KV buckets and the state's TTL do.
        if not same:
            harmful = setting in _HARMFUL and not (where == subjects.TIMERS and setting == "discard")
            differences.append(Drift(where, setting, actual, value, harmful))
    return differences
