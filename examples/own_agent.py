from quorate import Context, Finding, agent


@agent("no-print", languages=["python"])
async def no_print(ctx: Context) -> list[Finding]:
    """Finds calls of print."""
    return [
        Finding(path=path, line=number, severity="low", category="style", message="Log this instead of printing it")
        for path, text in ctx.review.texts("python").items()
        for number, line in enumerate(text.split("\n"), start=1)
        if line.lstrip().startswith("print(")
    ]
