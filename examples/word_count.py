"""Two agents for a kind of task of one's own; each gives an answer instead of findings."""

from quorate import Context, agent


@agent("words", kinds=["text-stats"])
async def words(ctx: Context) -> dict[str, int]:
    """Counts words."""
    text = str(ctx.input["text"])
    await ctx.progress(f"{len(text)} characters to read")
    return {"words": len(text.split())}


@agent("lines", kinds=["text-stats"])
async def lines(ctx: Context) -> dict[str, int]:
    """Counts lines."""
    return {"lines": len(str(ctx.input["text"]).splitlines())}
