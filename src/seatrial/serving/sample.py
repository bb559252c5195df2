"""The prediction log: a sample of what was asked and answered, on its way to the spool.

Of a feature that is a tensor it keeps the numbers that are watched, not the tensor.

The event loop offers requests, a few of which become records at once; the sync thread writes them
down. What becomes of the spool's segments is an adapter's business
(`adapters/tables/parquet_log.py`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from seatrial.kernel.clock import Clock
from seatrial.registry.signature import Batch, Prediction, n_rows, take
from seatrial.serving.outcome import ERROR, OK
from seatrial.serving.spool import Spool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seatrial.serving.live import LiveVersion

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    """How much is logged.

    Args:
        rate: share of answered requests, in [0, 1]; requests that failed by the version's fault
            are always logged, as far as the buffer goes.
        max_rows: rows kept of one request, its first ones.
        max_held: requests held until they are written; more are dropped and counted.
    """

    rate: float = 0.01
    max_rows: int = 64
    max_held: int = 1_000


class Values(msgspec.Struct, frozen=True, array_like=True):
    """One column: raw little-endian numbers with their numpy dtype and width, or plain values.

    Args:
        dtype: such as ``<f4``; empty when ``plain`` holds the values.
        width: values per row.
    """

    dtype: str
    width: int
    raw: bytes = b""
    plain: list[Any] = msgspec.field(default_factory=list)


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """One logged request.

    Args:
        request_id: as the reply carried it.
        at: seconds since the epoch, wall clock.
        n_rows: of the request; the columns hold the first ``rows``.
    """

    request_id: str
    at: float
    endpoint: str
    version: int
    revision: int
    outcome: str
    latency_s: float
    n_rows: int
    rows: int
    inputs: dict[str, Values]
    outputs: dict[str, Values]


class PredictionLog:
    """Takes samples on the event loop; writes them on the sync thread.

    Args:
        spool: where records go.
        config: how much is logged.
        clock: wall time of records.
        chance: a number in [0, 1) per request.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        config: SampleConfig,
        clock: Clock,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._spool = spool
        self._config = config
        self._clock = clock
        self._chance = chance or random.Random().random
        self._held: list[bytes] = []
        self._n_dropped = 0

    @property
    def n_dropped(self) -> int:
        """Requests that should have been logged but found no room in memory or on disk."""
        return self._n_dropped + self._spool.n_dropped

    def wants(self, outcome: str) -> bool:
        """Whether to log a request with this outcome; to be asked once per request."""
        if outcome == OK:
            return self._chance() < self._config.rate
        return outcome.startswith(ERROR)

    def offer(
        self,
        request_id: str,
        live: LiveVersion,
        batch: Batch,
        prediction: Prediction | None,
        *,
        revision: int,
        latency_s: float,
        outcome: str,
    ) -> None:
        """Keep a record of a request's first rows; dropped and counted when too many are held."""
        if len(self._held) >= self._config.max_held:
            self._n_dropped += 1
            return
        first = slice(0, self._config.max_rows)
        rows = take(batch, first)
        record = Record(
            request_id=request_id,
            at=self._clock.now().timestamp(),
            endpoint=live.endpoint,
            version=live.version,
            revision=revision,
            outcome=outcome,
            latency_s=latency_s,
            n_rows=n_rows(batch),
            rows=n_rows(rows),
            inputs=_columns(rows, live),
            outputs={name: values_of(values[first]) for name, values in (prediction or {}).items()},
        )
        self._held.append(encode(record))

    def flush(self) -> None:
        """Write what is held to the spool."""
        n = len(self._held)
        held = self._held[:n]
        del self._held[:n]
        self._spool.append(held)

    def close(self) -> None:
        """Write what is held and finish the segment."""
        self.flush()
        self._spool.close()


def encode(record: Record) -> bytes:
    """A record as the spool keeps it."""
    return msgspec.msgpack.encode(record)


def decode(payload: bytes) -> Record:
    """The record of a payload.   Raises: msgspec.ValidationError."""
    return msgspec.msgpack.decode(payload, type=Record)


def values_of(column: NDArray[np.generic]) -> Values:
    """A column as a record keeps it: numbers exactly, everything else as plain values."""
    width = math.prod(column.shape[1:])
    if column.dtype.kind in "biuf":
        little = _little(column)
        return Values(little.dtype.str, width, raw=little.tobytes())
    return Values("", width, plain=column.reshape(-1).tolist())


def column_of(values: Values) -> NDArray[np.generic]:
    """The column of a record, shape (n,) or (n, width); objects when it holds plain values."""
    import numpy as np  # noqa: PLC0415 - who writes records does without

    flat: NDArray[np.generic]
    if values.dtype:
        flat = np.frombuffer(values.raw, dtype=values.dtype)
    else:
        flat = np.array(values.plain, dtype=object)
    return flat if values.width == 1 else flat.reshape(-1, values.width)


def _columns(batch: Batch, live: LiveVersion) -> dict[str, Values]:
    if isinstance(batch, dict):
        if live.signature.has_tensors:
            from seatrial.registry.tensor_summary import watched_columns  # noqa: PLC0415 - as numpy

            batch = watched_columns(live.signature, batch)
        return {name: values_of(column) for name, column in batch.items()}
    # One transposition for all columns.
    little = _little(batch)
    raw, size, dtype = little.T.tobytes(), len(little) * little.itemsize, little.dtype.str
    return {
        name: Values(dtype, 1, raw=raw[i * size : (i + 1) * size])
        for i, name in enumerate(live.signature.names)
    }


def _little(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)
