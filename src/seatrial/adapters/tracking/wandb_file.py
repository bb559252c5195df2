"""Reads the file that W&B's client writes of a run: LevelDB's log format, with protobuf records."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seatrial.training.runs.run import Status
from seatrial.training.runs.tracker import Kept

_HEADER = 7
_BLOCK = 32 * 1024
_FULL, _LAST = 1, 4
_OWN = ("step",)


def read_run(folder: Path) -> Kept:
    """What a run's folder holds."""
    kept = _Reading()
    for file in sorted(folder.glob("*.wandb")):
        for record in records(file.read_bytes()):
            kept.take(record)
    return kept.done()


def records(data: bytes) -> Iterator[Any]:
    """The records of a file; what a killed process left half written ends it."""
    from wandb.proto import wandb_internal_pb2

    at, whole = _HEADER, b""
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:  # the rest of a block that holds no head is filled with zeros
            at += left
            continue
        _crc, n, kind = struct.unpack("<IHB", data[at : at + _HEADER])
        whole += data[at + _HEADER : at + _HEADER + n]
        at += _HEADER + n
        if kind in (_FULL, _LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


class _Reading:
    """Grows record by record."""

    def __init__(self) -> None:
        self._name = ""
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._history: dict[str, list[tuple[int, float]]] = {}
        self._files: set[str] = set()
        self._code: int | None = None

    def take(self, record: Any) -> None:
        """One more record."""
        match record.WhichOneof("record_type"):
            case "run":
                self._name = record.run.display_name
                for one in record.run.config.update:
                    self._config[one.key] = json.loads(one.value_json)
            case "history":
                self._take_history(record.history)
            case "summary":
                for one in record.summary.update:
                    key = one.key or ".".join(one.nested_key)
                    self._summary[key] = json.loads(one.value_json)
            case "artifact" | "request":
                artefact = record.artifact if record.HasField("artifact") else None
                if artefact is None and record.request.HasField("log_artifact"):
                    artefact = record.request.log_artifact.artifact
                if artefact is not None:
                    self._files.update(str(e.path) for e in artefact.manifest.contents)
            case "exit":
                self._code = record.exit.exit_code

    def _take_history(self, history: Any) -> None:
        row = {
            (one.key or ".".join(one.nested_key)): json.loads(one.value_json)
            for one in history.item
        }
        step = row.get("step")
        for name, value in row.items():
            if step is not None and not name.startswith("_") and name not in _OWN:
                self._history.setdefault(name, []).append((int(step), float(value)))

    def done(self) -> Kept:
        """All of it."""
        tags = self._config.pop("seatrial", {})
        outcome = tags.get("seatrial.outcome", "")
        status = Status.RUNNING
        if self._code is not None:
            status = Status.FINISHED if self._code == 0 else Status.FAILED
        if outcome == "pruned":
            status = Status.PRUNED
        own = {k: v for k, v in self._config.items() if not k.startswith("_")}
        return Kept(
            name=self._name,
            status=status,
            parameters={k: v if isinstance(v, str) else json.dumps(v) for k, v in own.items()},
            metrics={
                name: float(value)
                for name, value in self._summary.items()
                if not name.startswith("_")
                and name not in _OWN
                and isinstance(value, int | float | str)
            },
            history=self._history,
            tags=tags,
            artefacts=tuple(sorted(self._files)),
        )
