"""Rerankers and models of entailment, as an index configures them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.kernel.errors import NotFound
from seatrial.rag.groundedness.verdict import Entailment
from seatrial.rag.knowledge.config import EntailmentConfig, RerankerConfig
from seatrial.rag.retrieval.reranker import Reranker

if TYPE_CHECKING:
    from seatrial.adapters.llm.endpoint import Endpoint


class ServiceKeyMissing(NotFound):
    """An environment variable that should hold the key of a service is not set."""

    code = "rag.service_key_missing"


def reranker_of(
    config: RerankerConfig | None, base: Path, environment: Mapping[str, str] = os.environ
) -> Reranker | None:
    """What judges the best of what was found.

    Args: base: where relative paths begin.
    Raises: PairModelUnusable, EncoderUnusable, MissingExtra, AddressInvalid, ServiceKeyMissing.
    """
    if config is None:
        return None
    if config.kind == "onnx":
        from seatrial.adapters.pairs.rerank_onnx import OnnxReranker

        return OnnxReranker(base / config.path)
    from seatrial.adapters.pairs.rerank_http import HttpReranker, RerankForm

    endpoint = _endpoint("reranker", config.url, config.api_key_env, environment)
    return HttpReranker(endpoint, model=config.model, form=RerankForm(config.kind))


def entailment_of(
    config: EntailmentConfig | None, base: Path, environment: Mapping[str, str] = os.environ
) -> Entailment | None:
    """What judges support beside words.   Args, Raises: as `reranker_of`."""
    if config is None:
        return None
    if config.kind == "onnx":
        from seatrial.adapters.pairs.entail_onnx import OnnxEntailment

        return OnnxEntailment(base / config.path)
    from seatrial.adapters.pairs.entail_http import HttpEntailment

    endpoint = _endpoint("entailment", config.url, config.api_key_env, environment)
    return HttpEntailment(endpoint, label=config.label)


def _endpoint(
    name: str, url: str, variable: str | None, environment: Mapping[str, str]
) -> Endpoint:
    from seatrial.adapters.llm.endpoint import Endpoint

    key = "" if variable is None else environment.get(variable, "")
    if variable is not None and not key:
        raise ServiceKeyMissing(
            f"The environment variable {variable}, with the key of the {name}, is not set.",
            remedy=f"Set {variable}.",
            variable=variable,
        )
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return Endpoint(name=name, base_url=url, headers=headers)
