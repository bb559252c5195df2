"""Scores a file from end to end: opens the model, starts scorers, writes answers in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from seatrial.packaging.sample import Sample
from seatrial.registry.archive import is_archive
from seatrial.registry.bundle import Bundle
from seatrial.serving.engine import OUTSIDE, EnginePlan
from seatrial.serving.scoring import (
    NothingScored,
    RowUnfit,
    Scored,
    Scorer,
    in_order,
)
from seatrial.wiring.deploying.bundles import is_path
from seatrial.wiring.deploying.given import holds_model
from seatrial.wiring.evaluation.subject import Say, subject
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from seatrial.adapters.scoring.input import RowFile
    from seatrial.adapters.scoring.output import Answers

BATCH_ROWS = 50_000
"""Rows of a piece: enough for fixed costs not to count, little enough to hold a few."""

_FEW_ROWS = 10_000
"""Scored before a process has started."""
_SAMPLE_ROWS = 10_000
_BAR = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringOrder:
    """What a person wants scored.

    Args:
        model: NAME@VERSION or NAME of the catalogue, a bundle, or a model file.
        data: the file of rows.
        into: the file to write; its ending says the format.
        sample: of a model file, clean rows that its inputs are told from; None for ``data``.
        kept: columns of the rows to hand through.
        engine: ``processes`` or ``ray``.
        workers: scorers; None for one a core.
        batch_rows: rows of a piece, >= 1.
        skip: leave bad rows out and describe them beside the answers, instead of ending.
        overwrite: replace a file that is there.
        trust, any_version: see `wiring.deploying.order.Order`.
    """

    model: str
    data: Path
    into: Path
    sample: Path | None = None
    kept: tuple[str, ...] = ()
    engine: str = "processes"
    workers: int | None = None
    batch_rows: int = BATCH_ROWS
    skip: bool = False
    overwrite: bool = False
    trust: bool = False
    any_version: bool = False

    @property
    def rejected(self) -> Path | None:
        """Where rows without an answer are described."""
        return self.into.with_name(f"{self.into.stem}.rejected.jsonl") if self.skip else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringResult:
    """What was scored.

    Args:
        model: as people call it.
        digest: of its bundle.
        n_rows: rows of the file.
        n_bad: those without an answer.
        seconds: from the first piece to the file's name.
        output: the file of answers.
        rejected: the file that describes bad rows, if they were to be skipped.
    """

    model: str
    digest: str
    n_rows: int
    n_bad: int
    seconds: float
    output: Path
    rejected: Path | None

    def as_dict(self) -> dict[str, object]:
        """What `seatrial predict --json` prints."""
        return {
            "model": self.model,
            "digest": self.digest,
            "rows": self.n_rows,
            "scored": self.n_rows - self.n_bad,
            "bad": self.n_bad,
            "seconds": round(self.seconds, 3),
            "output": str(self.output),
            "rejected": None if self.rejected is None else str(self.rejected),
        }


def score_file(
    workspace: Workspace,
    order: ScoringOrder,
    *,
    on_step: Say = lambda _mark, _name, _text: None,
    on_progress: Callable[[str, str], None] = lambda _name, _text: None,
) -> ScoringResult:
    """Answer every row of a file. Blocks; not for an event loop.

    Raises: OutputExists, OutputUnknown, OutputNotWritten, InputUnreadable, InputUnfit, RowUnfit,
        NothingScored; what opening the model and its engines raise; MissingExtra, RayUnavailable.
    """
    from seatrial.adapters.scoring.input import open_rows
    from seatrial.adapters.scoring.output import check_free, form_of

    form_of(order.into)
    for path in (order.into, order.rejected):
        if path is not None:
            check_free(path, overwrite=order.overwrite)
    with subject(
        workspace,
        order.model,
        rows=_sample(order),
        label=None,
        trust=order.trust,
        any_version=order.any_version,
        on_step=on_step,
        on_progress=on_progress,
    ) as named:
        rows = open_rows(order.data, named.bundle.signature, kept=order.kept)
        n = len(named.bundle.signature.features)
        on_step("ok", "signature", f"{order.data.name} has the {n} columns of {named.name}")
        run = _Run(order=order, rows=rows, bundle=named.bundle, tell=on_progress)
        begun = time.monotonic()
        answers = run.whole(workspace)
    return ScoringResult(
        model=named.name,
        digest=named.bundle.digest,
        n_rows=answers.n_rows,
        n_bad=answers.n_bad,
        seconds=time.monotonic() - begun,
        output=order.into,
        rejected=order.rejected,
    )


def _sample(order: ScoringOrder) -> Sample:
    """Rows from which a model file, which is no bundle yet, is described."""
    path = Path(order.model)
    is_bundle = path.is_dir() and not holds_model(path)
    if not is_path(order.model) or is_bundle or is_archive(path):
        return Sample(columns={}, n_rows=0, n_total=0)
    from seatrial.adapters.tables.sample_file import read_sample

    return read_sample(order.sample or order.data, max_rows=_SAMPLE_ROWS)


class Team(Protocol):
    """Starts scorers; a context that ends what they run on."""

    async def __call__(self, order: Mapping[str, object]) -> Scorer:
        """Start one."""
        ...


@contextmanager
def _processes(workspace: Workspace, _n: int) -> Iterator[Team]:
    from seatrial.adapters.scoring.processes import start_process

    yield partial(start_process, limits=workspace.settings.server.child_limits())


@contextmanager
def _ray(_workspace: Workspace, n: int) -> Iterator[Team]:
    from seatrial.adapters.scoring.ray import ray_session, start_actor

    with ray_session(n) as ray:
        yield partial(start_actor, ray)


@contextmanager
def _here(_workspace: Workspace, _n: int) -> Iterator[Team]:
    from seatrial.adapters.scoring.here import start_here

    yield start_here


TEAMS: Mapping[str, Any] = {"processes": _processes, "ray": _ray, "here": _here}
"""Who scores, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    order: ScoringOrder
    rows: RowFile
    bundle: Bundle
    tell: Callable[[str, str], None]

    def whole(self, workspace: Workspace) -> Answers:
        """Score all of it; the file of answers is there on return."""
        from seatrial.adapters.scoring.output import Answers, form_of, landing
        from seatrial.adapters.scoring.table import answer_schema

        schema = answer_schema(self.bundle.signature, dict(self.rows.kept))
        order, engine = self.order, self._engine()
        n = min(order.workers or len(os.sched_getaffinity(0)), self.rows.n_pieces(order.batch_rows))
        with ExitStack() as open_files:
            file = open_files.enter_context(landing(order.into, overwrite=order.overwrite))
            rejected = None
            if order.rejected is not None:
                rejected = open_files.enter_context(landing(order.rejected, overwrite=True))
            with (
                closing(Answers(file, form_of(order.into), schema, rejected)) as answers,
                TEAMS[engine](workspace, n) as team,
            ):
                self.tell("score", f"starting {n} {engine}" if engine != "here" else "starting")
                asyncio.run(self._score(answers, team, n))
            if answers.n_bad and answers.n_bad == answers.n_rows:
                raise NothingScored(
                    f"None of the {answers.n_rows:,} rows of {order.data.name} could be scored; "
                    f"the first: {answers.first}",
                    remedy="Save the rows with the same columns and types as at training.",
                )
        return answers

    def _engine(self) -> str:
        """Who scores: whoever was asked for, or this process where the rows are few."""
        if self.order.engine != "processes" or self.rows.n_rows > _FEW_ROWS:
            return self.order.engine
        outside = EnginePlan.from_dict(self.bundle.manifest.plan).engines & OUTSIDE
        one = self.rows.n_pieces(self.order.batch_rows) == 1
        return "here" if one and not outside else self.order.engine

    async def _score(self, answers: Answers, team: Team, n: int) -> None:
        order = {
            "bundle": str(self.bundle.path.resolve()),
            "digest": self.bundle.digest,
            "reading": msgspec.to_builtins(self.rows.reading),
        }
        async with AsyncExitStack() as ends:
            scorers = await _started(team, order, n, ends)
            begun = time.monotonic()
            pieces = self.rows.pieces(self.order.batch_rows)
            async with aclosing(in_order(pieces, scorers)) as all_scored:
                async for scored in all_scored:
                    self._check(scored, answers.n_rows)
                    await asyncio.to_thread(answers.write, scored)
                    self.tell("score", self._progress(scored, answers, time.monotonic() - begun))

    def _check(self, scored: Scored, before: int) -> None:
        if scored.flaws and not self.order.skip:
            flaw = scored.flaws[0]
            raise RowUnfit(
                f"Row {before + flaw.row:,} of {self.order.data.name} cannot be scored: "
                f"{flaw.problem}",
                remedy="Mend it, or say --on-error skip to leave such rows out and have them "
                "described in a file of their own.",
                row=before + flaw.row,
                field=flaw.field,
                why=flaw.code,
            )

    def _progress(self, scored: Scored, answers: Answers, seconds: float) -> str:
        share = scored.position / max(1, self.rows.length)
        rate = answers.n_rows / max(seconds, 1e-9)
        left_s = seconds * (1 - share) / max(share, 1e-9)
        bar = "#" * round(_BAR * share)
        return (
            f"[{bar:.<{_BAR}}] {share:4.0%}  {answers.n_rows:,} rows, {rate:,.0f} a second, "
            f"{left_s:,.0f} s left"
        )


async def _started(
    team: Team, order: Mapping[str, object], n: int, ends: AsyncExitStack
) -> Sequence[Scorer]:
    """Start scorers side by side; ``ends`` closes those that started, whatever happens."""

    async def start() -> Scorer:
        scorer = await team(order)
        ends.push_async_callback(scorer.close)
        return scorer

    starting = [asyncio.create_task(start()) for _ in range(n)]
    try:
        return await asyncio.gather(*starting)
    finally:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
