"""The section ``gateway`` of `seatrial.yaml`: providers, models by name, and the rules of calls.

Secrets are never in the file: it names the environment variables that hold them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from seatrial.gateway.ledger.budget import Budget, Scope, Window
from seatrial.gateway.policies.deny_list import DenyList
from seatrial.gateway.policies.guard import Guard
from seatrial.gateway.policies.pseudonyms import Pseudonyms
from seatrial.gateway.policies.size_limits import SizeLimits
from seatrial.gateway.prices.config import PriceConfig
from seatrial.gateway.routes.model_config import Model, ModelConfig, ModelName, Name, ProviderConfig
from seatrial.gateway.tokens.config import WindowConfig
from seatrial.kernel.config import ConfigModel
from seatrial.kernel.errors import SeatrialError
from seatrial.release.config import Duration


class RetryConfig(ConfigModel):
    """How failed attempts are repeated."""

    attempts: int = Field(default=3, ge=1, le=20, description="In all, for each candidate.")
    first: Duration = Field(default=0.5, gt=0, description="Longest wait before the second.")
    most: Duration = Field(default=8.0, gt=0, description="Longest wait before any.")


class BreakerConfig(ConfigModel):
    """When a provider that keeps failing is left alone."""

    failures: int = Field(default=5, ge=1, description="Failures in a row that open it.")
    pause: Duration = Field(default=10.0, gt=0, description="How long until it is tried again.")


class SemanticConfig(ConfigModel):
    """Answers that are given again to questions in other words."""

    enabled: bool = Field(
        default=False, description="Whether they are, for all models whose answers are kept."
    )
    embedder: ModelName | Literal[""] = Field(
        default="", description="A model of this section, of kind embedding, that compares them."
    )
    similarity: float = Field(
        default=0.95,
        ge=0.8,
        le=1,
        allow_inf_nan=False,
        description="Cosine at least, for the embedder that it was measured with.",
    )


class CacheConfig(ConfigModel):
    """Answers that are kept."""

    enabled: bool = Field(default=False, description="Whether answers are kept.")
    ttl: Duration = Field(default=3600.0, gt=0, description="How long.")
    max_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1024, description="Of all of them; the oldest go first."
    )
    store: str = Field(
        default="", description="redis://… for one cache of several machines; empty for a file."
    )
    warm: bool = Field(
        default=False, description="Whether answers at a temperature above 0 are kept, too."
    )
    semantic: SemanticConfig = Field(
        default_factory=SemanticConfig,
        description="Answers that are given again to questions in other words.",
    )


class BudgetConfig(ConfigModel):
    """What may be spent."""

    limit_usd: Decimal = Field(ge=0, le=9_000_000, description="In each window, in USD.")
    window: Window = Field(default=Window.MONTH, description="day, month or total, of UTC.")
    scope: Scope = Field(
        default=Scope.TOTAL, description="Of all together, or of each key, user, tag or model."
    )
    name: str | None = Field(
        default=None, description="The one it bounds, keys by name or id; none for each alike."
    )
    tag: str | None = Field(default=None, description="With the scope tag, its name.")

    @model_validator(mode="after")
    def _understood(self) -> Self:
        try:
            self.budget()
        except SeatrialError as problem:  # reported with the others
            raise ValueError(str(problem)) from problem
        return self

    def budget(self) -> Budget:
        """As the ledger takes it."""
        return Budget(
            limit_usd=self.limit_usd,
            window=self.window,
            scope=self.scope,
            name=self.name,
            tag=self.tag,
        )


class LimitsConfig(ConfigModel):
    """What one caller may ask, unless their key says otherwise."""

    requests_per_minute: int | None = Field(default=None, ge=1, description="Of each key.")
    tokens_per_minute: int | None = Field(default=None, ge=1, description="Of each key.")
    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="Largest body of a call."
    )


class GuardsConfig(ConfigModel):
    """What calls and answers may hold."""

    max_bytes: int | None = Field(
        default=None, ge=1, description="Of all texts, schemas and images of a call."
    )
    max_messages: int | None = Field(default=None, ge=1, description="Of a call.")
    max_tools: int | None = Field(default=None, ge=0, description="That a call may offer.")
    max_inputs: int | None = Field(default=None, ge=1, description="Texts to embed in a call.")
    deny: dict[Name, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Lists of texts, by a name that errors tell, that no call and no answer may "
        "hold; * stands for any letters.",
    )
    pseudonyms: bool = Field(
        default=False,
        description="Whether secrets and personal data are replaced by placeholders before "
        "providers see them, and put back into answers.",
    )

    @model_validator(mode="after")
    def _understood(self) -> Self:
        for name, entries in self.deny.items():
            try:
                DenyList(name, entries)
            except SeatrialError as problem:  # reported with the others
                raise ValueError(str(problem)) from problem
        return self

    def guards(self) -> tuple[Guard, ...]:
        """Those that have something to do, in order."""
        sizes = SizeLimits(
            max_bytes=self.max_bytes,
            max_messages=self.max_messages,
            max_tools=self.max_tools,
            max_inputs=self.max_inputs,
        )
        found: list[Guard] = [] if sizes == SizeLimits() else [sizes]
        found += [DenyList(name, entries) for name, entries in self.deny.items()]
        if self.pseudonyms:
            found.append(Pseudonyms())
        return tuple(found)


class GatewayConfig(ConfigModel):
    """The gateway to language models."""

    providers: dict[Name, ProviderConfig] = Field(
        default_factory=dict, description="Who answers calls, by a name of your own."
    )
    models: dict[ModelName, Model] = Field(
        default_factory=dict, description="What callers may ask for, by the name they use."
    )
    deadline: Duration = Field(
        default=120.0, gt=0, description="From call to answer, all attempts and waits included."
    )
    require_key: bool = Field(
        default=False,
        description="Whether calls need a key even on loopback and before the first is made.",
    )
    retry: RetryConfig = Field(
        default_factory=RetryConfig, description="How failed attempts are repeated."
    )
    breaker: BreakerConfig = Field(
        default_factory=BreakerConfig, description="When a failing provider is left alone."
    )
    cache: CacheConfig = Field(default_factory=CacheConfig, description="Answers that are kept.")
    limits: LimitsConfig = Field(
        default_factory=LimitsConfig, description="What one caller may ask."
    )
    budgets: tuple[BudgetConfig, ...] = Field(default=(), description="What may be spent.")
    ledger: str = Field(
        default="",
        description="Where spending is kept: sqlite:///, postgresql:// or redis://; empty for "
        "llm.db in the home folder.",
    )
    prices: tuple[PriceConfig, ...] = Field(
        default=(), description="Prices that the list lacks or has wrong."
    )
    windows: tuple[WindowConfig, ...] = Field(
        default=(), description="Windows of models that are not known or known wrongly."
    )
    guards: GuardsConfig = Field(
        default_factory=GuardsConfig, description="What calls and answers may hold."
    )
    tracing: bool = Field(
        default=False,
        description="Whether calls of providers are spans of OpenTelemetry, as its own environment "
        "variables and the program set it up.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, model in self.models.items():
            if model.summarise is not None:
                self._check_summariser(name, model.summarise)
            for candidate in model.candidates:
                if candidate.provider not in self.providers:
                    known = ", ".join(self.providers) or "none"
                    raise ValueError(
                        f"the model {name!r} names the provider {candidate.provider!r}; "
                        f"providers are: {known}"
                    )
        self._check_semantic()
        return self

    def caches(self, model: ModelConfig) -> bool:
        """Whether answers of a model are kept."""
        return self.cache.enabled if model.cache is None else model.cache

    def compares(self, model: ModelConfig) -> bool:
        """Whether they are given again to questions in other words."""
        told = self.cache.semantic.enabled if model.semantic is None else model.semantic
        return told and self.caches(model) and model.kind == "chat"

    def _check_semantic(self) -> None:
        for name, model in self.models.items():
            if model.semantic and not self.compares(model):
                raise ValueError(
                    f"the model {name!r} has semantic on, which is for models of kind chat whose "
                    "answers are kept: set its cache to true, too"
                )
        on = [name for name, model in self.models.items() if self.compares(model)]
        keeps = self.cache.enabled or any(model.cache for model in self.models.values())
        if self.cache.semantic.enabled and not keeps:
            raise ValueError("cache.semantic is enabled and no answers are kept: enable cache, too")
        embedder = self.models.get(self.cache.semantic.embedder)
        if on and (embedder is None or embedder.kind != "embedding"):
            raise ValueError(
                f"the model {on[0]!r} compares questions by "
                f"{self.cache.semantic.embedder!r}: name a model of kind embedding in "
                "cache.semantic.embedder"
            )

    def _check_summariser(self, name: str, summariser: str) -> None:
        other = self.models.get(summariser)
        if other is None or other.kind != "chat" or other.summarise is not None:
            raise ValueError(
                f"the model {name!r} is summarised by {summariser!r}, which must be a model of "
                "kind chat that is summarised by none itself"
            )
