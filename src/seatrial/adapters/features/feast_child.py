"""Feast in a process of its own, by whatever Python has it."""

from __future__ import annotations

import json
import math
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.adapters.features.entity_table import arrow_type
from seatrial.features.failures import FeastFailed, FeastMissing
from seatrial.features.offline import EntityRow
from seatrial.features.online import Value
from seatrial.features.view import Selected, ValueType
from seatrial.kernel.errors import Invalid

if TYPE_CHECKING:
    import pyarrow as pa

_PROGRAM = Path(__file__).with_name("feast_program.py")
_KEPT_BYTES = 1 << 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FeastChild:
    """Calls to `feast_program`, one after the other; also `features.offline.OfflineStore`.

    The process is started at the first call, which takes Feast's import of some ten seconds.

    Args:
        folder: of the repository.
        python: interpreter that has Feast; empty for this one.
        timeout_s: for each call, > 0.
    """

    def __init__(self, folder: Path, *, python: str = "", timeout_s: float = 600.0) -> None:
        self._folder = folder
        self._python = python or sys.executable
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._told: Any = None
        self._unread = b""

    def apply(self) -> Mapping[str, Any]:
        """Register what the repository's files define; the snapshot of it.

        Raises: FeastMissing, FeastFailed, as every call.
        """
        return self._snapshot("apply")

    def describe(self) -> Mapping[str, Any]:
        """The snapshot of what is registered."""
        return self._snapshot("describe")

    def materialize(
        self, *, start_s: float | None, end_s: float, views: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Write the newest values between two times to the online store; the snapshot.

        Args: start_s: None for where the time before left off.
        """
        return self._snapshot("materialize", start=start_s, end=end_s, views=list(views))

    def join(
        self,
        rows: Sequence[EntityRow],
        selected: Sequence[Selected],
        *,
        max_age_us: int | None = None,
    ) -> list[tuple[Value, ...]]:
        """See OfflineStore."""
        import pyarrow as pa

        if not rows:
            return []
        types = {key.name: key.type for one in selected for key in one.view.join_keys}
        columns: dict[str, Any] = {
            name: pa.array([row.key[name] for row in rows], arrow_type(kind))
            for name, kind in types.items()
        }
        stamp = pa.timestamp("us", "UTC")
        columns["event_timestamp"] = pa.array([row.time_us for row in rows], pa.int64()).cast(stamp)
        table = self.join_table(pa.table(columns), selected, max_age_us=max_age_us)
        read = [
            [_value(one.field.type, value) for value in table.column(i).to_pylist()]
            for i, one in enumerate(selected)
        ]
        return list(zip(*read, strict=True))

    def join_table(
        self, rows: pa.Table, selected: Sequence[Selected], *, max_age_us: int | None = None
    ) -> pa.Table:
        """The same of a table: its features in order, in the types of a data frame.

        Args: rows: the join keys and ``event_timestamp``, in microseconds in UTC.
        """
        from pyarrow import feather

        with tempfile.TemporaryDirectory(prefix="seatrial-features-") as folder:
            asked, answer = f"{folder}/rows", f"{folder}/values"
            feather.write_feather(rows, asked, compression="uncompressed")
            more = {} if max_age_us is None else {"max_age": max_age_us / 1e6}
            references = [str(one.reference) for one in selected]
            self._call("join", rows=asked, features=references, into=answer, **more)
            return feather.read_table(answer, memory_map=False)

    def keys(self, view: str, *, limit: int, end_s: float) -> list[dict[str, int | str | bytes]]:
        """The entities with the newest values of a view up to a time, newest first.

        Args: limit: how many at most, >= 1.
        """
        from pyarrow import feather

        with tempfile.TemporaryDirectory(prefix="seatrial-features-") as folder:
            answer = f"{folder}/keys"
            self._call("keys", view=view, limit=limit, end=end_s, into=answer)
            found: list[dict[str, int | str | bytes]] = feather.read_table(
                answer, memory_map=False
            ).to_pylist()
        return found

    def online(
        self, references: Sequence[str], keys: Sequence[Mapping[str, int | str]]
    ) -> Mapping[str, Any]:
        """Values and statuses by feature, as Feast itself reads them online."""
        return self._call("online", features=list(references), keys=[dict(key) for key in keys])

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()
            self._told.close()

    def __enter__(self) -> FeastChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _snapshot(self, call: str, **more: object) -> Mapping[str, Any]:
        snapshot: Mapping[str, Any] = self._call(call, **more)["snapshot"]
        return snapshot

    def _call(self, call: str, **more: object) -> Mapping[str, Any]:
        process = self._started()
        assert process.stdin is not None
        message = json.dumps({"call": call, **more}).encode() + b"\n"
        try:
            process.stdin.write(message)
            process.stdin.flush()
            line = self._line(process, call)
        except BrokenPipeError:
            line = b""
        if not line:
            said = self._said()
            self.close()
            raise FeastFailed(
                f"The process of Feast ended during {call}. {said}",
                remedy="See what it said; memory may have run out.",
            )
        reply: Mapping[str, Any] = json.loads(line)
        if reply.get("error") == "missing" and str(reply["module"]).partition(".")[0] == "feast":
            self.close()
            raise FeastMissing(python=self._python)
        if "error" in reply:
            raise FeastFailed(
                f"Feast could not {call}: {reply['error']}: {reply['problem']}",
                remedy=f"Correct the repository in {self._folder}, or what it names.",
                kind=reply["error"],
            )
        return reply

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._told = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
            self._unread = b""
            environment = {
                name: value for name, value in os.environ.items() if name != "PYTHONPATH"
            }
            environment |= {"FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore"}
            try:
                self._process = subprocess.Popen(
                    [self._python, str(_PROGRAM), str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._told,
                    env=environment,
                )
            except OSError as error:
                self._told.close()
                raise Invalid(
                    f"The Python {self._python!r} of features.python cannot be started "
                    f"({error.strerror}).",
                    remedy="Name one that has Feast, such as .feast/bin/python.",
                    field="features.python",
                ) from error
        return self._process

    def _line(self, process: subprocess.Popen[bytes], call: str) -> bytes:
        """The next line of the process; empty when it has ended."""
        assert process.stdout is not None
        ends = time.monotonic() + self._timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0.0, ends - time.monotonic())):
                    self.close()
                    raise FeastFailed(
                        f"Feast did not finish {call} within {self._timeout_s:g} s.",
                        remedy="Raise features.timeout in seatrial.yaml, or ask for less at once.",
                    )
                piece = os.read(process.stdout.fileno(), _KEPT_BYTES)
                if not piece:
                    return b""
                self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _said(self) -> str:
        """The last line the process wrote to stderr."""
        size = os.fstat(self._told.fileno()).st_size
        text = os.pread(self._told.fileno(), 2000, max(0, size - 2000)).decode("utf-8", "replace")
        lines = text.strip().splitlines()
        return lines[-1][:500] if lines else "It said nothing."


def _value(kind: ValueType, value: Any) -> Value:
    """A value out of a data frame, as the online store has it: NaN is null, whole numbers whole."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return int((aware - _EPOCH).total_seconds())
    if kind in (ValueType.INT32, ValueType.INT64, ValueType.UNIX_TIMESTAMP):
        return int(value)
    if kind is ValueType.BOOL:
        return bool(value)
    if kind in (ValueType.FLOAT, ValueType.DOUBLE):
        return float(value)
    return value if isinstance(value, bytes) else str(value)
