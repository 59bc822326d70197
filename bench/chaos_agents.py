"""The agents of a chaos run. Each notes when it begins and when it ends, in a file that all append to."""

import asyncio
import hashlib
import json
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from quorate import Context, Finding, agent

RUNS_FILE = "QUORATE_CHAOS_RUNS"
"""The environment variable that names the file."""

PATHS = ("a.py", "b.py", "c.py")


def chance_of(task: str, salt: str) -> float:
    """A number in [0, 1) that is the same for a task in whichever process and however often it is asked for."""
    return int(hashlib.sha256(f"{salt}:{task}".encode()).hexdigest()[:8], 16) / 2**32


async def _witnessed(ctx: Context, work: Callable[[], Awaitable[Any]]) -> Any:
    run = secrets.token_hex(6)
    _note(ctx, run, "began")
    try:
        answer = await work()
    except Exception:
        _note(ctx, run, "failed")
        raise
    _note(ctx, run, "ended")
    return answer


def _note(ctx: Context, run: str, what: str) -> None:
    # One small write to a file opened for appending: several processes do not mix their lines.
    line = {
        "task": ctx.task,
        "agent": ctx.agent,
        "step": ctx.step,
        "run": run,
        "pid": os.getpid(),
        "what": what,
    }
    file = os.open(os.environ[RUNS_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def _findings(ctx: Context) -> list[Finding]:
    """Two agents see most of the same, so that there is something to join and to vote on."""
    path = PATHS[ctx.input["number"] % len(PATHS)]
    shared = Finding(
        path=path,
        line=1 + ctx.input["number"] % 50,
        severity="critical",
        category="bug",
        message=f"finding of task {ctx.input['number']}",
        rule=f"{ctx.agent}-1",
        confidence=0.5 + chance_of(ctx.task, ctx.agent) / 2,
    )
    own = Finding(path=path, message=f"only {ctx.agent} saw this", severity="low", rule=f"{ctx.agent}-2")
    return [shared, own] if chance_of(ctx.task, "own") < 0.5 else [shared]


@agent("chaos-echo", kinds=["chaos"])
async def echo(ctx: Context) -> dict[str, Any]:
    """Answers at once with what it was given."""

    async def work() -> dict[str, Any]:
        return {"number": ctx.input["number"]}

    answer: dict[str, Any] = await _witnessed(ctx, work)
    return answer


@agent("chaos-quick", kinds=["chaos"])
async def quick(ctx: Context) -> list[Finding]:
    """Reports findings after a moment."""

    async def work() -> list[Finding]:
        await asyncio.sleep(0.005)
        return _findings(ctx)

    found: list[Finding] = await _witnessed(ctx, work)
    return found


@agent("chaos-moody", kinds=["chaos"])
async def moody(ctx: Context) -> list[Finding]:
    """Reports findings, and fails for one task in five, always for the same ones."""

    async def work() -> list[Finding]:
        if chance_of(ctx.task, "mood") < 0.2:
            raise RuntimeError("not in the mood for this task")
        return _findings(ctx)

    found: list[Finding] = await _witnessed(ctx, work)
    return found


@agent("chaos-slow", kinds=["chaos"])
async def slow(ctx: Context) -> str:
    """Takes 100 ms, or as long as the task says: longer than its deadline, where it has one."""

    async def work() -> str:
        await asyncio.sleep(ctx.input.get("hold_s", 0.1))
        return "done"

    answer: str = await _witnessed(ctx, work)
    return answer
