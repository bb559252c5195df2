"""Where others ask what the gates say: of a release of ours, or of a rollout of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.kernel.errors import NotFound
from seatrial.release.counted import Counters, Seen, judge_counted
from seatrial.release.desk import Desk
from seatrial.release.gate import Gates
from seatrial.release.rollout import Phase, Rollout
from seatrial.release.verdict import Outcome


class NothingToJudge(NotFound):
    """Nobody said what is on trial, and no release of ours is."""

    code = "judge.nothing_to_judge"


class NoCounters(NotFound):
    """Counters were asked for, and nobody said where they are."""

    code = "judge.no_counters"


class GateDesk:
    """Judges on request. All calls block; thread-safe as far as ``counters`` is.

    Args:
        desk: of our own releases.
        gates_of: the gates of an endpoint, by its name.
        counters: who counts for rollouts of others; None where nobody does.
    """

    def __init__(
        self, desk: Desk, gates_of: Callable[[str], Gates], counters: Counters | None
    ) -> None:
        self._desk = desk
        self._gates_of = gates_of
        self._counters = counters

    def of_release(self, name: str) -> dict[str, Any]:
        """What is known of our own release, newest first: a verdict, and the evidence as it stands.

        PASS once it is promoted, FAIL once it is aborted, rejected or rolled back: the controller
        decides.
        Raises: UnknownEndpoint, NothingToJudge.
        """
        rollout = self._desk.state(name).rollout
        if rollout is None:
            raise NothingToJudge(
                f"{name!r} has no release.",
                remedy="Start one, or say with ?canary= which variant is on trial.",
            )
        shown: Any = self._desk.view(name)["release"]
        evidence: Mapping[str, Any] = shown["evidence"] or {}
        return {
            "release": rollout.release,
            "verdict": _outcome(rollout, rolled_back=shown["rolled_back"]).value,
            "reason": rollout.reason or evidence.get("reason") or shown["waiting_for"],
            "phase": rollout.phase.value,
            "watched_s": shown["watched_s"],
            "watch_s": shown["watch_s"],
            "n_needed": evidence.get("n_needed"),
            "n_expected": evidence.get("n_expected"),
            "gates": evidence.get("verdicts", []),
            "left_out": [],
        }

    def of_variant(
        self, name: str, *, canary: str, stable: str | None, watch_s: float
    ) -> dict[str, Any]:
        """What counters say of a canary of somebody's rollout.

        Raises: NoCounters; as `Counters.seen` and `judge_counted`.
        """
        if self._counters is None:
            raise NoCounters(
                f"Nobody said where the counters of {name!r} are.",
                remedy="Set judge.prometheus in seatrial.yaml, or POST the counts themselves.",
            )
        seen = self._counters.seen(name, canary=canary, stable=stable)
        return self.of_counts(name, seen, watch_s=watch_s)

    def of_counts(self, name: str, seen: Seen, *, watch_s: float) -> dict[str, Any]:
        """What the gates of an endpoint say of counts.   Raises: as `judge_counted`."""
        judged = judge_counted(self._gates_of(name), seen, watch_s=watch_s)
        return {"release": name, **judged.as_dict()}


def _outcome(rollout: Rollout, *, rolled_back: bool) -> Outcome:
    if rolled_back:
        return Outcome.FAIL
    match rollout.phase:
        case Phase.PROMOTED:
            return Outcome.PASS
        case Phase.ABORTED | Phase.REJECTED:
            return Outcome.FAIL
        case _:
            return Outcome.INCONCLUSIVE
