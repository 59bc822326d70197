"""Every stream, consumer and bucket, declared in one place."""

from typing import Any

from quorate.contract import subjects
from quorate.settings import DAY_S, Settings

NANOSECOND = 1_000_000_000
MIN = 60
LEDGER_S = 180 * DAY_S

DEFAULT_PARTITIONS = 16


def transform(partitions: int) -> dict[str, str]:
    """How the log stores a fact: with the partition of its task before the task."""
    return {
        "src": "quorate.log.*.>",
        "dest": f"quorate.log.{{{{partition({partitions},1)}}}}.{{{{wildcard(1)}}}}.>",
    }


def streams(settings: Settings, partitions: int) -> list[dict[str, Any]]:
    """The wanted configuration of every stream, in the terms of the JetStream API (durations in nanoseconds)."""
    storage = "memory" if settings.memory_storage else "file"
    retention = settings.retention_s * NANOSECOND
    common: dict[str, Any] = {
        "storage": storage,
        "num_replicas": settings.replicas,
        "max_bytes": settings.max_stream_bytes,
        "allow_direct": True,
        "duplicate_window": 2 * MIN * NANOSECOND,
    }
    once = {"max_msgs_per_subject": 1, "discard": "new", "discard_new_per_subject": True}
    queue = {"retention": "workqueue", "discard": "new"}
    bucket = {"max_msgs_per_subject": 1, "discard": "new", "allow_rollup_hdrs": True, "deny_delete": True}
    return [
        {**common, "name": subjects.INTAKE, "subjects": ["quorate.submit.*"], **queue},
        {
            **common,
            "name": subjects.LOG,
            "subjects": ["quorate.log.>"],
            "subject_transform": transform(partitions),
            "max_bytes": settings.max_log_bytes,
            "max_age": retention,
            **once,
        },
        {**common, "name": subjects.WORK, "subjects": ["quorate.work.*"], **queue},
        {
            **common,
            "name": subjects.RESULTS,
            "subjects": ["quorate.results.*.*"],
            "max_age": retention,
            **once,
        },
        # A stream with schedules cannot discard new messages; its writers are only the router and the collector.
        {
            **common,
            "name": subjects.TIMERS,
            "subjects": ["quorate.timers.>"],
            "retention": "workqueue",
            "discard": "old",
            "allow_msg_schedules": True,
        },
        {
            **common,
            "name": subjects.EVENTS,
            "subjects": ["quorate.events.*"],
            "storage": "memory",
            "max_bytes": 64 * 1024**2,
            "max_age": 10 * MIN * NANOSECOND,
            "max_msgs_per_subject": 10_000,
            "discard": "old",
        },
        {
            **common,
            "name": subjects.DEAD,
            "subjects": ["quorate.dead.*"],
            "max_age": 30 * DAY_S * NANOSECOND,
            "discard": "new",
        },
        {
            **common,
            **bucket,
            "name": f"KV_{subjects.AGENTS}",
            "subjects": [f"$KV.{subjects.AGENTS}.>"],
            "max_age": int(4 * settings.heartbeat_s * NANOSECOND),
            "duplicate_window": int(min(4 * settings.heartbeat_s, 2 * MIN) * NANOSECOND),
        },
        {
            **common,
            **bucket,
            "name": f"KV_{subjects.STATE}",
            "subjects": [f"$KV.{subjects.STATE}.>"],
            # What is left of a task that has ended must outlive its facts, or a late one would find it unknown.
            "max_age": retention + DAY_S * NANOSECOND,
        },
        {
            **common,
            **bucket,
            "name": f"KV_{subjects.LEDGER}",
            "subjects": [f"$KV.{subjects.LEDGER}.>"],
            # What nothing has changed for long goes by itself, see ``expiring``.
            "allow_msg_ttl": True,
        },
        {
            **common,
            "name": f"OBJ_{subjects.BLOBS}",
            "subjects": [f"$O.{subjects.BLOBS}.C.>", f"$O.{subjects.BLOBS}.M.>"],
            "max_bytes": settings.max_log_bytes,
            "max_age": retention,
            "allow_rollup_hdrs": True,
            "discard": "new",
        },
    ]


def expiring(settings: Settings) -> dict[str, str]:
    """Headers of an entry of the ledger that goes by itself when nothing has changed it for half a year.

    Nor earlier than the results: as long as one can be delivered again, it must be known what came of it.
    """
    return {"Nats-TTL": f"{max(LEDGER_S, settings.retention_s + DAY_S)}s"}


def reducer_consumer(reducer: str, partition: int, types: tuple[str, ...], settings: Settings) -> dict[str, Any]:
    """One durable consumer per reducer and partition with one message in flight: the broker keeps them in order."""
    return {
        "durable_name": f"{reducer}-{partition}",
        "filter_subjects": [subjects.partition_facts(partition, type) for type in types],
        "max_ack_pending": 1,
        **_consumer(settings),
    }


def agent_consumer(agent: str, settings: Settings) -> dict[str, Any]:
    """One durable consumer per agent, shared by all its workers."""
    return {
        "durable_name": f"agent-{agent}",
        "filter_subject": subjects.work(agent),
        "max_ack_pending": 10_000,
        **_consumer(settings),
    }


def timer_consumer(settings: Settings) -> dict[str, Any]:
    return {
        "durable_name": "relay",
        "filter_subject": "quorate.timers.fired.*.*",
        "max_ack_pending": 256,
        **_consumer(settings),
    }


def intake_consumer(settings: Settings) -> dict[str, Any]:
    return {
        "durable_name": "router",
        "filter_subject": "quorate.submit.*",
        "max_ack_pending": 1_000,
        **_consumer(settings),
    }


def writer_consumer(name: str, settings: Settings) -> dict[str, Any]:
    """One durable consumer per writer, shared by all collectors. It begins with the results that come after it."""
    return {
        "durable_name": f"writer-{name}",
        # All kinds: the filter of a consumer that exists cannot follow the settings, so the writer chooses.
        "filter_subject": "quorate.results.*.*",
        # What waits for its next attempt counts among them, and must not keep others from being written.
        "max_ack_pending": 10_000,
        **_consumer(settings),
        "deliver_policy": "new",
    }


def _consumer(settings: Settings) -> dict[str, Any]:
    # Deliveries are unlimited: a finite number would skip the message in silence. Poison is dealt with in code.
    return {
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "replay_policy": "instant",
        "ack_wait": int(settings.ack_wait_s * NANOSECOND),
        "max_deliver": -1,
        "max_waiting": 512,
    }
