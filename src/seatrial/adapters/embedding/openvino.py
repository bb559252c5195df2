"""Embedders that run here in bf16, by OpenVINO: nearly lossless, where the processor computes so.

Weights, tokenizer and graph are those of `embed_onnx`, in fp32; OpenVINO rounds while it runs.
"""

from __future__ import annotations

import logging
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder import EncoderEmbedder, EncoderModel, Run, graph_of
from seatrial.adapters.embedding.encoder_graph import IDS, VECTOR, Precision
from seatrial.kernel.errors import MissingExtra

_log = logging.getLogger(__name__)

_CPU_INFO = Path("/proc/cpuinfo")
_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


class OpenVinoEmbedder(EncoderEmbedder):
    """Is an `Embedder`, by OpenVINO.

    A processor without bf16 computes in fp32, which is told in the log: it takes longer, and the
    vectors differ by what bf16 rounds, so an index may be built on one and asked on the other.

    Args:
        model: whose weights.
        folder: where the built graph is kept.
        threads: texts that are embedded at once, >= 1.
    Raises: EncoderUnusable, MissingExtra.
    """

    def __init__(self, model: EncoderModel, *, folder: Path, threads: int = 1) -> None:
        super().__init__(
            model, variant="bf16", run=_runner(model, folder, threads), threads=threads
        )


def has_bf16(cpu_info: str) -> bool:
    """Whether a processor computes in bf16.

    OpenVINO itself also offers it where it has to be imitated, which is slower than fp32.

    Args:
        cpu_info: as Linux tells it in `/proc/cpuinfo`.
    """
    return any(
        not _FLAGS.isdisjoint(line.split())
        for line in cpu_info.splitlines()
        if line.startswith("flags")
    )


def _runner(model: EncoderModel, folder: Path, threads: int) -> Run:
    try:
        import openvino
    except ImportError as missing:
        raise MissingExtra("openvino", "openvino") from missing
    graph = graph_of(model, Precision.FP32, folder, f"openvino-{openvino.__version__[:8]}")
    quick = has_bf16(_cpu_info())
    if not quick:
        _log.warning(
            "%s: this processor has no bf16: OpenVINO computes in fp32, and int8 is faster",
            model.name,
        )
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(graph),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if quick else "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,
        },
    )
    free: SimpleQueue[Any] = SimpleQueue()
    for _ in range(threads):
        free.put(compiled.create_infer_request())

    def run(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        request = free.get()
        try:
            vector: NDArray[np.float32] = request.infer({IDS: ids})[VECTOR].astype(np.float32)
        finally:
            free.put(request)
        vector /= np.linalg.norm(vector)  # which bf16 leaves a little off
        return vector

    return run


def _cpu_info() -> str:
    try:
        return _CPU_INFO.read_text()
    except OSError:
        return ""
