"""The facts of trainings in events.md, as the code makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pages.watch import shapes
from seatrial.kernel.events import Draft, Fact
from seatrial.training.runs import facts
from seatrial.training.runs.facts import Description
from seatrial.training.runs.run import Ending, Outcome, Point, Run

_WHEN = datetime(2030, 1, 1, tzinfo=UTC)
_MEANING = {
    facts.STARTED: "A training begins.",
    facts.RESTARTED: "It was ended midway: it begins anew, or as a search goes on.",
    facts.DESCRIBED: "Its hyperparameters, defaults included, and where it runs.",
    facts.REPORTED: "Metrics: name, step, value and second of each; NaN and infinity as text.",
    facts.ENDED: "It is over, and what came of it.",
    facts.SENT: "A tracker has all of it, or why it did not take it.",
}


def run_rows() -> list[list[str]]:
    """A row for each kind."""
    run = Run(
        id="r", name="n", program="p", folder=str(Path("/")), started_at=_WHEN, by="person", seed=0
    )
    drafts = (
        facts.started(run),
        facts.restarted(run),
        facts.described(Description()),
        facts.reported([Point(metric="loss", value=1.0, at_s=0.0)]),
        facts.ended(Ending(outcome=Outcome.TRAINED, at=_WHEN)),
        facts.sent("mlflow", ""),
    )
    assert tuple(draft.kind for draft in drafts) == facts.KINDS
    return [
        [
            f"`{draft.kind}`",
            f"`{facts.PREFIX}RUN`",
            _MEANING[draft.kind],
            ", ".join(
                f"`{key}` {shape}" for key, shape in shapes([_fact(draft)], draft.kind).items()
            ),
        ]
        for draft in drafts
    ]


def _fact(draft: Draft) -> Fact:
    return Fact(
        seq=1,
        stream="training/r",
        revision=1,
        kind=draft.kind,
        schema=draft.schema,
        data=draft.data,
        at=_WHEN,
        by=draft.by,
    )
