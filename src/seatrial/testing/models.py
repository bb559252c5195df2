"""Fake models: loaded versions that need no artefact, for tests of routing and doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from seatrial.kernel.clock import SystemClock
from seatrial.registry.signature import (
    Batch,
    Dtype,
    Feature,
    Output,
    Prediction,
    Signature,
    Task,
    n_rows,
)
from seatrial.release.variant import Split
from seatrial.serving.engine import Choice, EngineKind, EnginePlan, Step
from seatrial.serving.live import LiveVersion
from seatrial.serving.reach import Blame
from seatrial.serving.record import Arm, Observe, Recorder
from seatrial.serving.router import Router


def matrix_signature(
    names: Sequence[str] = ("age", "income", "tenure"), dtype: Dtype = Dtype.FLOAT32
) -> Signature:
    """A classifier on one matrix of numbers."""
    return Signature(
        features=tuple(Feature(name=name, dtype=dtype) for name in names),
        outputs=(
            Output(name="label", dtype=Dtype.INT64),
            Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=(0, 1)),
        ),
        task=Task.CLASSIFICATION,
        matrix=True,
    )


def column_signature() -> Signature:
    """A regressor on columns of every dtype, with categories and missing values."""
    return Signature(
        features=(
            Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
            Feature(name="visits", dtype=Dtype.INT64),
            Feature(name="member", dtype=Dtype.BOOL),
            Feature(name="plan", dtype=Dtype.STRING, categories=("basic", "pro")),
            Feature(name="note", dtype=Dtype.STRING, nullable=True),
        ),
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
        task=Task.REGRESSION,
        matrix=False,
    )


def only(kind: EngineKind, *, inline: bool = False) -> EnginePlan:
    """The plan of a model with one engine, which answers every request by itself."""
    return EnginePlan(
        steps=(Step(from_rows=1, choice=Choice(engine=kind, chunk_rows=None, inline=inline)),),
        costs=(),
        fixed_s=0.0,
        per_row_s=0.0,
        batching=False,
        max_batch_rows=1,
        linger_s=0.0,
        reason="the only engine",
    )


class Remembering(Recorder):
    """A recorder that keeps what was observed where a test can see it."""

    def __init__(self) -> None:
        super().__init__(worker="worker/test/0", clock=SystemClock())
        self.seen: list[tuple[int, str]] = []

    def observer(
        self,
        endpoint: str,  # noqa: ARG002
        version: int,
        revision: int,  # noqa: ARG002
        *,
        watched: bool = False,  # noqa: ARG002
        arm: Arm | None = None,  # noqa: ARG002
    ) -> Observe:
        """See Recorder; ``seen`` gets the version and the outcome of each request."""
        return lambda latency_s, outcome: self.seen.append((version, outcome))  # noqa: ARG005


class FakeEngine:
    """Answers with outputs of the right shape and dtype, filled with one number.

    Args:
        signature: the outputs to make.
        answer: the number; strings are its text.
    """

    def __init__(self, signature: Signature, answer: float = 0.5) -> None:
        self.signature = signature
        self._answer = answer
        self.batches: list[Batch] = []

    def predict(self, batch: Batch) -> Prediction:
        """See Engine."""
        self.batches.append(batch)
        n = n_rows(batch)
        return {
            output.name: np.full(
                (n, *output.row_shape),
                str(self._answer) if output.dtype is Dtype.STRING else self._answer,
                output.dtype.numpy,
            )
            for output in self.signature.outputs
        }

    def close(self) -> None:
        """See Engine."""


class NoRestarts:
    """The status of a process that never failed, and is none."""

    restarts = 0
    pid: int | None = None
    seen: None = None


class SlowEngine:
    """An engine that seems to run in another process: it answers after waiting.

    Args:
        inner: what answers.
        wait: is awaited before each answer.
    """

    ready = True

    def __init__(self, inner: FakeEngine, wait: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._wait = wait

    def status(self) -> NoRestarts:
        """See NativeEngine."""
        return NoRestarts()

    async def start(self) -> None:
        """See NativeEngine."""

    async def predict(self, batch: Batch, timeout_s: float) -> Prediction:  # noqa: ARG002
        """See RemoteEngine."""
        await self._wait()
        return self._inner.predict(batch)

    async def close(self) -> None:
        """See RemoteEngine."""


def live_version(
    signature: Signature,
    *,
    endpoint: str = "churn",
    version: int = 1,
    engine: FakeEngine | None = None,
    wait: Callable[[], Awaitable[object]] | None = None,
    golden: Batch | None = None,
) -> LiveVersion:
    """A loaded version; it answers at once, or out of process when ``wait`` is given.

    With ``golden`` rows, failures on rows far from them are the client's.
    """
    engine = engine or FakeEngine(signature)
    kind = EngineKind.ONNX if wait is None else EngineKind.NATIVE
    return LiveVersion(
        endpoint=endpoint,
        version=version,
        digest=f"digest-{version}",
        signature=signature,
        plan=only(kind, inline=not wait),
        engines={} if wait else {EngineKind.ONNX: engine},
        native=SlowEngine(engine, wait) if wait else None,
        blame=None if golden is None else Blame(signature, lambda: golden),
    )


def router_of(
    *versions: LiveVersion,
    splits: Mapping[str, Split] | None = None,
    recorder: Recorder | None = None,
) -> Router[LiveVersion]:
    """A router over loaded versions; without a split the last version of an endpoint is stable."""
    router: Router[LiveVersion] = Router(recorder or Remembering())
    by_name: dict[str, dict[int, LiveVersion]] = {}
    for live in versions:
        by_name.setdefault(live.endpoint, {})[live.version] = live
    for name, loaded in by_name.items():
        split = (splits or {}).get(name) or Split(stable=max(loaded))
        router.apply(name, 1, split, loaded)
    return router
