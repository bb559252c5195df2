"""What runs a model: the ports of engines, and the plan that picks one per number of rows.

Engines themselves are adapters; how a plan comes from measured costs is `packaging.plan`'s
business.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Protocol, TypeAlias

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.registry.signature import Batch, Prediction

PLAN_SCHEMA = 1

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class PlanUnreadable(Invalid):
    """A stored engine plan is of another schema, or its fields are wrong."""

    code = "serving.plan_unreadable"


class Engine(Protocol):
    """A model in this process. Thread-safe."""

    def predict(self, batch: Batch) -> Prediction:
        """Predict a batch that fits the signature; blocks until done."""
        ...

    def close(self) -> None:
        """Free the model; no call may follow."""
        ...


class RemoteEngine(Protocol):
    """A model in a process of its own."""

    def predict(self, batch: Batch, timeout_s: float) -> Awaitable[Prediction]:
        """Predict a batch that fits the signature.

        Args:
            batch: at least one row.
            timeout_s: seconds to the answer, > 0.
        """
        ...

    async def close(self) -> None:
        """End the process; no call may follow."""
        ...


class EngineKind(StrEnum):
    """The ways a bundle can run its model; also the names of its artefacts."""

    ONNX = "onnx"
    """The ONNX graph, fastest for few rows."""
    WIDE = "onnx_wide"
    """The same model with its trees as matrix operations, fastest for many rows."""
    NATIVE = "native"
    """The original model in a child process."""
    REMOTE = "remote"
    """The model in a server elsewhere; no artefact, but what that server was given."""


class Says(StrEnum):
    """What a server elsewhere says of a model when it is asked."""

    READY = "ready"
    ABSENT = "absent"
    """It answers, and does not have the model ready."""
    SILENT = "silent"
    """It does not answer, or not in its protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a server elsewhere stands to a model.

    Args:
        says: its newest answer.
        since: when it first answered so, without another answer in between.
    """

    says: Says
    since: datetime


OUTSIDE = frozenset((EngineKind.NATIVE, EngineKind.REMOTE))
"""The engines that do not run in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One measured cost.

    Args:
        engine: what ran.
        n_rows: rows of the batch, >= 1.
        chunk_rows: rows per call when the batch was cut, None when it went in one piece.
        seconds: median time of the batch, > 0; a native engine's holds the trip to its process.
    """

    engine: EngineKind
    n_rows: Count
    seconds: Seconds
    chunk_rows: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How to run one batch.

    Args:
        engine: what runs it.
        chunk_rows: rows per call, None for one piece.
        inline: whether it is short enough to run on the event loop.
    """

    engine: EngineKind
    chunk_rows: Count | None
    inline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The choice for batches from ``from_rows`` up to the next step."""

    from_rows: Count
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePlan:
    """Which engine runs a batch, by its number of rows.

    Args:
        steps: ascending by ``from_rows``, the first at 1.
        costs: what was measured; the evidence.
        fixed_s: what a call costs whatever its rows, seconds >= 0; fitted.
        per_row_s: what a further row costs, seconds >= 0; fitted.
        batching: whether running requests together pays.
        max_batch_rows: the most rows to put together, >= 1.
        linger_s: how long a batch waits for company in a server elsewhere, seconds >= 0; in this
            one its queue decides.
        reason: one sentence for people.
        remote: name of the engine elsewhere that answers, as configured; None where none does.
    """

    steps: tuple[Step, ...]
    costs: tuple[Cost, ...]
    fixed_s: float
    per_row_s: float
    batching: bool
    max_batch_rows: int
    linger_s: float
    reason: str
    remote: str | None = None
    _from: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = [s.from_rows for s in self.steps]
        if not starts or starts[0] != 1 or starts != sorted(set(starts)):
            raise PlanUnreadable(
                f"An engine plan's steps start at {starts}, not at 1 and ascending.",
                remedy="Package the model again.",
                field="steps",
            )
        object.__setattr__(self, "_from", starts)

    def choose(self, n_rows: int) -> Choice:
        """How to run ``n_rows`` >= 1 rows."""
        return self.steps[bisect_right(self._from, n_rows) - 1].choice

    @property
    def inline_rows(self) -> int:
        """The most rows that any batch up to them may have on the event loop; 0 for none."""
        slow = next((s.from_rows for s in self.steps if not s.choice.inline), None)
        return sys.maxsize if slow is None else slow - 1

    @property
    def engines(self) -> frozenset[EngineKind]:
        """The engines that must be loaded."""
        return frozenset(s.choice.engine for s in self.steps)

    @property
    def runs_in(self) -> Literal["remote", "onnx", "native", "both"]:
        """Where batches run: elsewhere, in this process, in a child, or by their size in both."""
        if self.remote is not None:
            return "remote"
        if EngineKind.NATIVE not in self.engines:
            return "onnx"
        return "native" if len(self.engines) == 1 else "both"

    def at_home(self, engine: EngineKind) -> EnginePlan:
        """The plan with an engine here in the place of the one elsewhere."""
        steps = tuple(replace(s, choice=replace(s.choice, engine=engine)) for s in self.steps)
        return replace(self, steps=steps, remote=None)

    def as_dict(self) -> dict[str, object]:
        """The plan as a JSON-able record."""
        record = {name: getattr(self, name) for name in _Record.__struct_fields__[1:]}
        if self.remote is None:  # plans of before had no such field, nor have digests changed
            del record["remote"]
        plain: dict[str, object] = msgspec.to_builtins({"schema": PLAN_SCHEMA, **record})
        return plain

    @classmethod
    def from_dict(cls, record: Mapping[str, object]) -> EnginePlan:
        """The plan of a stored record.

        Raises:
            PlanUnreadable: the record is of another schema or does not hold a plan.
        """
        try:
            read = msgspec.convert(record, _Record)
        except msgspec.ValidationError as error:
            raise PlanUnreadable(
                f"The engine plan cannot be read: {error}.",
                remedy="Read it with the version of seatrial that wrote it, or package again.",
            ) from error
        fields = {name: getattr(read, name) for name in _Record.__struct_fields__[1:]}
        return cls(**fields)


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan as stored."""

    schema: Literal[1]
    steps: tuple[Step, ...]
    costs: tuple[Cost, ...]
    fixed_s: Seconds
    per_row_s: Seconds
    batching: bool
    max_batch_rows: Count
    linger_s: Seconds
    reason: str
    remote: str | None = None
