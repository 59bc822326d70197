"""The agents of a chaos run of pull requests: what they find follows from the files alone."""

from collections.abc import Iterable

from bench.chaos_github_words import bad, odd, said
from quorate import Context, Finding, agent


def _findings(ctx: Context, sort: str, places: Iterable[tuple[str, str]], rule: str) -> list[Finding]:
    texts = ctx.review.texts()
    found = []
    for path, word in sorted(places):
        line = texts[path].splitlines().index(f"{sort.upper()} {word}") + 1
        # Two lineages must agree on what is critical.
        found.append(
            Finding(path=path, line=line, severity="critical", category="bug", rule=rule, message=said(sort, word))
        )
    return found


@agent("chaos-left")
async def left(ctx: Context) -> list[Finding]:
    """Reports each line that says BAD."""
    return _findings(ctx, "bad", bad(ctx.review.texts()), "left")


@agent("chaos-right")
async def right(ctx: Context) -> list[Finding]:
    """Reports the same, under a rule of its own."""
    return _findings(ctx, "bad", bad(ctx.review.texts()), "right")


@agent("chaos-part")
async def part(ctx: Context) -> list[Finding]:
    """Reports half of what says BAD, and alone each line that says ODD."""
    texts = ctx.review.texts()
    half = {place for place in bad(texts) if len(place[1]) % 2}
    return _findings(ctx, "bad", half, "part") + _findings(ctx, "odd", odd(texts), "part")
