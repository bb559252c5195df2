"""The providers and the models of the section ``gateway``: who answers calls, by what name.

Secrets are never in the file: it names the environment variables that hold them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from seatrial.kernel.config import ConfigModel
from seatrial.release.config import Duration

_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,199}$")]
_Headers = dict[
    Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")],
    Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,1000}$")],
]

_OPENAI, _ANTHROPIC = "https://api.openai.com/v1", "https://api.anthropic.com"


class ProviderConfig(ConfigModel):
    """Who answers calls."""

    kind: Literal["openai", "anthropic"] = Field(
        description="The form it speaks; openai is that of vLLM, Ollama, llama.cpp, Azure, "
        "DeepSeek, Qwen and most others, too."
    )
    base_url: str = Field(
        default="",
        description="Where it is, without the path of a call; empty for the vendor's own address.",
    )
    api_key_env: _Variable | None = Field(
        default=None, description="The environment variable that holds the key for it."
    )
    vendor: str = Field(
        default="",
        description="Whose prices count, such as openai, anthropic, azure or deepseek; empty for "
        "the kind's own where base_url is empty, else for anybody's.",
    )
    headers: _Headers = Field(
        default_factory=dict, description="Headers of each request, such as a project; no secrets."
    )
    query: dict[str, str] = Field(
        default_factory=dict,
        description="Parameters of each request, such as api-version of Azure.",
    )
    timeout: Duration = Field(default=60.0, gt=0, description="How long one attempt may be silent.")
    concurrency: int = Field(
        default=64, ge=1, description="Calls under way at once; others wait their turn."
    )
    json_schema: bool | None = Field(
        default=None,
        description="Whether it holds models to a JSON schema; otherwise answers are read, checked "
        "and mended here. If not said, it does, but for older models of OpenAI and Anthropic that "
        "are known to refuse one.",
    )
    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = Field(
        default="Authorization",
        description="With the kind openai, where its key goes; Azure's is api-key.",
    )
    asks_usage: bool = Field(
        default=True,
        description="With the kind openai, whether it may be asked for the usage of a stream.",
    )
    stream_end: Literal["mark", "reason", "close"] = Field(
        default="mark",
        description="With the kind openai, how a stream shows that it is whole: by [DONE], by its "
        "reason alone, or by its end.",
    )
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = Field(
        default=None,
        description="With the kind openai, the only name it knows for the longest answer; none for "
        "the one that callers use.",
    )
    developer_role: bool = Field(
        default=True, description="With the kind openai, whether it knows the role developer."
    )

    @model_validator(mode="after")
    def _address(self) -> Self:
        if self.base_url:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("base_url must begin with http:// or https:// and name a host")
            if parts.username or parts.query or parts.fragment:
                raise ValueError("base_url must hold no user, query or fragment")
        return self

    @property
    def url(self) -> str:
        """Where it is."""
        return self.base_url or (_OPENAI if self.kind == "openai" else _ANTHROPIC)

    @property
    def price_vendor(self) -> str:
        """Whose prices count; "" for anybody's."""
        return self.vendor or ("" if self.base_url else self.kind)


class CandidateConfig(ConfigModel):
    """One way to answer for a model."""

    provider: Name = Field(description="A provider of the section providers.")
    model: str = Field(min_length=1, max_length=200, description="As the provider names it.")
    context_tokens: int | None = Field(
        default=None, ge=1, description="Its window, input and output, where it is not known."
    )
    max_output_tokens: int | None = Field(
        default=None, ge=1, description="Most tokens of an answer, where they are not known."
    )
    json_schema: bool | None = Field(
        default=None, description="Whether it is held to a JSON schema, if not as its provider."
    )


def _candidate(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    provider, slash, model = value.partition("/")
    if not slash:
        raise ValueError("must be written PROVIDER/MODEL")
    return {"provider": provider, "model": model}


Candidate = Annotated[
    CandidateConfig, BeforeValidator(_candidate, json_schema_input_type=CandidateConfig | str)
]
"""A candidate, or a text such as ``openai/gpt-4o-mini``."""


def _model(value: Any) -> Any:
    if isinstance(value, str):
        value = [value]
    return {"candidates": value} if isinstance(value, list) else value


class ModelConfig(ConfigModel):
    """A name that callers may ask for."""

    candidates: tuple[Candidate, ...] = Field(
        min_length=1, description="Who answers, in order: the next where one fails."
    )
    kind: Literal["chat", "embedding"] = Field(default="chat", description="What it is asked for.")
    cache: bool | None = Field(
        default=None, description="Whether answers are kept, if not as the section cache says."
    )
    semantic: bool | None = Field(
        default=None,
        description="Whether they are given again to questions in other words, if not as the "
        "section cache.semantic says.",
    )
    deadline: Duration | None = Field(
        default=None, gt=0, description="From call to answer, if not as for all."
    )
    hedge: Duration | None = Field(
        default=None,
        gt=0,
        description="After so long without a first token the next candidate is asked as well.",
    )
    summarise: str | None = Field(
        default=None,
        description="A model of this section that says in short what is left out of a conversation "
        "that is too long; none leaves it out unsaid.",
    )


Model = Annotated[
    ModelConfig,
    BeforeValidator(_model, json_schema_input_type=ModelConfig | list[CandidateConfig | str] | str),
]
"""A model, a list of its candidates, or its only one as a text."""
