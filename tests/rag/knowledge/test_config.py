"""The section of a configuration."""

import pytest
from pydantic import ValidationError

from seatrial.rag.knowledge.config import KnowledgeConfig


def config(kind: str, fusion: str) -> KnowledgeConfig:
    return KnowledgeConfig.model_validate(
        {
            "documents": {"sources": [{"path": "documents"}]},
            "vectors": {"kind": kind, "url": "http://localhost:1"},
            "retrieval": {"fusion": fusion},
        }
    )


def test_a_store_that_cannot_fuse_is_not_asked_to() -> None:
    with pytest.raises(ValidationError, match="set it to convex"):
        config("chroma", "native")
    for kind, fusion in (("chroma", "convex"), ("qdrant", "native"), ("embedded", "native")):
        assert config(kind, fusion).vectors.kind == kind
