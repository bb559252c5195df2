"""A version of a model as TensorFlow Serving loads it, and what a server is told beside it.

A version lies in a folder of its number and is there whole or not at all: the server looks at the
folders all the time. Its batches are those that paid where the model was packaged.
Source: https://www.tensorflow.org/tfx/serving/serving_config and saved_model_warmup.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seatrial.packaging.measure import measure
from seatrial.packaging.plan import MAX_PIECE_ROWS, elsewhere, plan
from seatrial.packaging.session import ModelSession
from seatrial.packaging.trial import rows_within
from seatrial.registry.incoming import incoming, land, write_file
from seatrial.registry.saved_model_file import chosen_in, unpack
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows, take
from seatrial.serving.engine import EngineKind, EnginePlan

MODELS: Final = "models.config"
BATCHING: Final = "batching.config"
MONITORING: Final = "monitoring.config"
_BATCHES: Final = "batching_params.pbtxt"
_WARMUP: Final = "assets.extra/tf_serving_warmup_requests"
_WARM: Final = "seatrial.adapters.export.tensorflow:warmup"
_WARM_BYTES: Final = 1 << 20


def version_files(
    session: ModelSession, packed: bytes, *, name: str, signature: Signature, rows: Batch
) -> Mapping[str, bytes]:
    """What lies in a version's folder beside its SavedModel, by path.

    Args:
        session: has the SavedModel loaded.
        packed: the SavedModel.
        name: the server's, of the model.
        rows: valid ones, at least one.
    """

    async def run(batch: Batch, _: int | None) -> Prediction:
        return await asyncio.to_thread(session.predict, batch)

    costs = asyncio.run(measure({EngineKind.NATIVE: run}, rows, monotonic=time.monotonic))
    found = elsewhere(plan(costs), "TensorFlow Serving")
    many = min(_batch_rows(found), n_rows(rows), rows_within(signature, _WARM_BYTES))
    made = session.call(
        _WARM,
        name=name,
        signature=chosen_in(packed),
        features=list(signature.names),
        batches=[take(rows, slice(n)) for n in sorted({1, many})],
    )
    requests = made["requests"]
    assert isinstance(requests, bytes)
    return {_BATCHES: batching(found).encode(), _WARMUP: requests}


def batching(found: EnginePlan) -> str:
    """``BatchingParameters`` in text: batches as large as paid, waited for as long as that did."""
    lines = (
        f"max_batch_size {{ value: {MAX_PIECE_ROWS} }}",
        "enable_large_batch_splitting { value: true }",
        f"max_execution_batch_size {{ value: {_batch_rows(found)} }}",
        f"batch_timeout_micros {{ value: {round(found.linger_s * 1e6)} }}",
    )
    return "\n".join(lines) + "\n"


def _batch_rows(found: EnginePlan) -> int:
    return min(found.max_batch_rows, MAX_PIECE_ROWS)


def place(packed: bytes, files: Mapping[str, bytes], repository: Path, name: str) -> Path:
    """Put a version beside those that a model has; returns its folder.

    Raises: BundleDiskFull, BundleNotWritten, UnreadableArchive.
    """
    model = repository / name
    with incoming(repository) as scratch:
        archive, fresh = scratch / "packed", scratch / "version"
        archive.write_bytes(packed)
        unpack(archive, fresh, limit=len(packed))
        for path, content in files.items():
            (fresh / path).unlink(missing_ok=True)
            write_file(fresh, path, [content])
        _flush(fresh)
        model.mkdir(exist_ok=True)
        while not land(fresh, folder := model / str(1 + _newest(model))):
            pass  # another took the number meanwhile
    return folder


def tell_server(repository: Path, version: Path) -> list[Path]:
    """Write what a server has to be told, as far as it is not there; returns what was written.

    Raises: BundleDiskFull, BundleNotWritten.
    """
    threads = f"num_batch_threads {{ value: {os.cpu_count() or 1} }}\n"
    texts = {
        BATCHING: (version / _BATCHES).read_text("utf-8") + threads,
        MONITORING: 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }\n',
    }
    missing = {name: text for name, text in texts.items() if not (repository / name).exists()}
    for name, text in missing.items():
        replace_file(repository, name, text)
    return [repository / name for name in missing]


def replace_file(repository: Path, name: str, text: str) -> None:
    """Write a file of the repository's; who reads it meanwhile reads the old one.

    Raises: BundleDiskFull, BundleNotWritten.
    """
    with incoming(repository) as scratch:
        write_file(scratch, name, [text.encode()])
        (scratch / name).replace(repository / name)


def _newest(model: Path) -> int:
    names = [path.name for path in model.iterdir()]
    return max((int(name) for name in names if name.isascii() and name.isdigit()), default=0)


def _flush(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
