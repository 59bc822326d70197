"""Agents as their authors write them."""

import pytest
from pydantic import ValidationError

import quorate
from quorate.agent_definition import Agent, Context, agent


@agent("echo", kinds=["echo", "other"], version="2", languages=["python"], timeout_s=5)
async def echo(ctx: Context) -> str:
    """Says what it is told.

    And no more.
    """
    return str(ctx.input["text"])


def test_a_function_becomes_an_agent_with_a_card() -> None:
    assert isinstance(echo, Agent)
    assert (echo.name, echo.card.version, echo.timeout_s) == ("echo", "2", 5)
    assert (echo.card.kinds, echo.card.languages) == (("echo", "other"), ("python",))
    assert echo.card.description == "Says what it is told."


async def test_an_agent_can_be_called_in_a_test_of_its_own() -> None:
    assert await echo(Context(task="t1", kind="echo", step="work", agent="echo", input={"text": "hi"})) == "hi"


async def test_progress_goes_nowhere_unless_a_worker_listens() -> None:
    await Context(task="t1", kind="echo", step="work", agent="echo", input={}).progress("half")


def test_an_agent_without_a_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kinds"):

        @agent("idle", kinds=[])
        async def idle(ctx: Context) -> None: ...


def test_the_package_offers_what_authors_need() -> None:
    assert quorate.agent is agent
    assert quorate.Context is Context
    assert {name for name in quorate.__all__ if getattr(quorate, name)} == set(quorate.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        quorate.nothing  # noqa: B018
