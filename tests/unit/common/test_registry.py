"""Who serves a kind, from what the workers announced."""

from itertools import permutations

import pytest
from pydantic import ValidationError

from quorate.contract.agents import AgentCard, AgentHeartbeat
from quorate.registry import cards_for


def heartbeat(name: str, version: str = "1", kinds: tuple[str, ...] = ("k",), instance: str = "i") -> AgentHeartbeat:
    return AgentHeartbeat(card=AgentCard(name=name, version=version, kinds=kinds), instance=instance, concurrency=1)


def test_only_agents_of_the_kind_are_chosen_by_name() -> None:
    live = [heartbeat("b"), heartbeat("other", kinds=("x",)), heartbeat("a", kinds=("x", "k"))]
    assert [card.name for card in cards_for("k", live)] == ["a", "b"]


@pytest.mark.parametrize("order", list(permutations(["1", "2", "3"])))
def test_of_several_versions_one_is_chosen_whatever_their_order(order: tuple[str, ...]) -> None:
    live = [heartbeat("a", version, instance=version) for version in order]
    assert [(card.name, card.version) for card in cards_for("k", live)] == [("a", "3")]


def test_an_older_version_that_alone_serves_the_kind_is_chosen() -> None:
    assert [card.version for card in cards_for("k", [heartbeat("a", "1"), heartbeat("a", "2", kinds=("x",))])] == ["1"]


def test_nobody_serves_an_unknown_kind() -> None:
    assert cards_for("unknown", [heartbeat("a")]) == ()


@pytest.mark.parametrize("name", ["", "A", "a.b", "a*", "a>", "a b", "-a", "x" * 64, "größe"])
def test_an_agents_name_is_one_token_of_a_subject(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        heartbeat(name)
