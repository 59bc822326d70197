"""The track record: how often what an agent reported was fixed, how often dismissed, and what its vote counts for."""

from quorate.contract.history import AgentRecord, Fate, TrackRecord

MAX_COUNTED = 2_000
"""Events that are remembered, so that none counts twice. A fate is counted soon after it is recorded, or again soon."""

MAX_AGENTS = 1_000

PRIOR = 10
"""Every agent begins as if it had been right so often: a few dismissals say little."""


def settle(track: TrackRecord, fates: tuple[Fate, ...]) -> TrackRecord:
    """The record with these fates counted. What was counted before changes nothing."""
    agents = dict(track.agents)
    counted = dict.fromkeys(track.counted)
    for fate in fates:
        if fate.event in counted:
            continue
        counted[fate.event] = None
        for agent in dict.fromkeys(fate.agents):
            if agent in agents or len(agents) < MAX_AGENTS:
                before = agents.get(agent, AgentRecord())
                agents[agent] = AgentRecord(
                    right=max(0, before.right + fate.right), wrong=max(0, before.wrong + fate.wrong)
                )
    if len(counted) == len(track.counted):
        return track
    return track.model_copy(update={"agents": agents, "counted": tuple(counted)[-MAX_COUNTED:]})


def weight_of(record: AgentRecord) -> float:
    """What a vote counts for, from 0 to 1: twice the share of what was right, with PRIOR right ones thrown in.

    So it is 1 until an agent has been wrong PRIOR times more often than right; .67 for one that was wrong 20 times and
    never right, .18 after 100 times. It falls with what was wrong and rises with what was right.
    """
    right = record.right + PRIOR
    return min(1.0, 2 * right / (right + record.wrong))
