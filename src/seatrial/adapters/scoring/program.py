"""What a scorer runs: a bundle's engines, and one piece of a file after the other.

As a process of its own, ``python -m seatrial.adapters.scoring.program``, it answers calls on the
socket it was given; as an actor of Ray it answers the same messages (`scoring_ray`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from seatrial.adapters.child_program import run
from seatrial.adapters.scoring.parse import Reading, parse, stream_of
from seatrial.adapters.scoring.rows import Checked, checked
from seatrial.adapters.scoring.slab import Slab
from seatrial.adapters.scoring.table import answer_table
from seatrial.adapters.serving import model_child
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import Role
from seatrial.registry.scan import MAX_MODEL_BYTES
from seatrial.registry.signature import Batch, Prediction, n_rows, take
from seatrial.serving.engine import EngineKind, EnginePlan
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineFailed
from seatrial.serving.merging import join, pieces
from seatrial.serving.scoring import Bytes, Flaw, Scored
from seatrial.serving.soundness import check, floating

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROLES: Final = {EngineKind.ONNX: Role.ONNX, EngineKind.WIDE: Role.WIDE}
_MOST_CALLS: Final = 2_000
"""Calls of a piece spent on finding the rows that a model fails on; the rest counts as failed."""


class ScoringProgram:
    """The operations, and the engines they share."""

    def __init__(self) -> None:
        self._ask: dict[EngineKind, Callable[[Batch], Prediction]] = {}

    def ping(self) -> dict[str, object]:
        """Answer."""
        return {}

    def open(
        self,
        bundle: str,
        digest: str,
        reading: Mapping[str, object],
        *,
        verified: bool = False,
        slab: int | None = None,
    ) -> dict[str, object]:
        """Load the engines of a bundle's plan.

        Args:
            reading: a `Reading`, as a record.
            verified: whether who asks has verified the bundle that lies there.
            slab: the descriptor of a `Slab`, for `score_slab`.
        """
        opened = (Bundle.known if verified else Bundle.open)(Path(bundle), digest=digest)
        self._slab = None if slab is None else Slab(slab)
        self._signature = opened.signature
        self._name = opened.manifest.name
        self._reading = msgspec.convert(reading, Reading)
        self._floats = floating(opened.signature)
        plan = EnginePlan.from_dict(opened.manifest.plan)
        if plan.remote is not None:
            here = EngineKind.ONNX if Role.ONNX in opened.manifest.artefacts else EngineKind.NATIVE
            plan = plan.at_home(here)
        self._plan = plan
        self._ask = {kind: _engine(opened, kind) for kind in plan.engines}
        return {}

    def score(self, content: Bytes) -> dict[str, object]:
        """Parse, check and predict a piece of the file."""
        rows = parse(content, self._reading, self._signature.features)
        found = checked(rows, self._signature)
        parts, failed = self._predicted(found)
        flaws = {**found.flaws, **failed}
        good = found.rows if not failed else _without(found.rows, failed)
        prediction = join(parts) if parts else None
        table = answer_table(self._signature, prediction, rows, good, self._reading)
        return Scored(
            n_rows=rows.n, flaws=[flaws[row] for row in sorted(flaws)], table=stream_of(table)
        ).as_dict()

    def score_slab(self, content_bytes: int) -> dict[str, object]:
        """Score the piece that lies in the slab; its answers go behind it, where there is room."""
        assert self._slab is not None
        record = self.score(self._slab.piece(content_bytes))
        table = cast("Bytes", record["table"])
        if self._slab.answer(content_bytes, table):
            record["table"] = len(table)
        return record

    def _predicted(self, found: Checked) -> tuple[list[Prediction], dict[int, Flaw]]:
        """Answers in order; rows that the model fails on are found by halving."""
        if found.batch is None:
            return [], {}
        parts: list[Prediction] = []
        failed: dict[int, Flaw] = {}
        todo = [slice(0, len(found.rows))]
        calls = 0
        while todo:
            part = todo.pop()
            calls += 1
            try:
                parts.append(self._predict(take(found.batch, part)))
            except (EngineFailed, BadOutput) as problem:
                half = (part.start + part.stop) // 2
                if half > part.start and calls < _MOST_CALLS:
                    todo += [slice(half, part.stop), slice(part.start, half)]
                    continue
                for row in found.rows[part].tolist():
                    failed[row] = Flaw(row=row, code=problem.code, problem=problem.problem)
        return parts, failed

    def _predict(self, batch: Batch) -> Prediction:
        n = n_rows(batch)
        choice = self._plan.choose(n)
        ask = self._ask[choice.engine]
        try:
            prediction = join([ask(part) for part in pieces(batch, choice.chunk_rows)])
        except (SeatrialError, MemoryError):
            raise
        except Exception as problem:
            raise EngineFailed(
                f"{self._name} failed: {type(problem).__name__}: {str(problem)[:300]}",
                remedy="Test the model with the same row.",
            ) from problem
        check(self._name, prediction, n, self._floats)
        return prediction


def _without(rows: NDArray[np.int64], failed: Mapping[int, Flaw]) -> NDArray[np.int64]:
    import numpy as np

    return np.setdiff1d(rows, list(failed), assume_unique=True)


def _engine(bundle: Bundle, kind: EngineKind) -> Callable[[Batch], Prediction]:
    if kind in _ROLES:
        from seatrial.adapters.serving.onnxruntime import OnnxEngine

        return OnnxEngine(bundle.read(_ROLES[kind]), bundle.signature).predict
    from seatrial.registry.signature_record import signature_to_dict

    native, vouched = model_child.Program(), bundle.manifest.trusted
    native.load(
        str(bundle.locate(Role.NATIVE)), trust=vouched, any_version=vouched, limit=MAX_MODEL_BYTES
    )
    native.configure(signature_to_dict(bundle.signature))
    return lambda batch: cast("Prediction", native.predict(batch))


_OPERATIONS: Final[Mapping[str, Callable[..., dict[str, object]]]] = {
    "ping": ScoringProgram.ping,
    "open": ScoringProgram.open,
    "score": ScoringProgram.score,
    "score_slab": ScoringProgram.score_slab,
}


def answer(program: ScoringProgram, message: Mapping[str, Any]) -> dict[str, object]:
    """The reply to one message; whatever the operation raises becomes a record."""
    return model_child.answered(_OPERATIONS, program, message)


def main(arguments: list[str]) -> None:
    """Serve on the socket and under the limits given as file descriptors and bytes."""
    run(arguments, partial(answer, ScoringProgram()))


if __name__ == "__main__":
    main(sys.argv[1:])
