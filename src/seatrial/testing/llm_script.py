"""What the scripted server of models may be told to do, what it was asked and what it bills."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Wire: TypeAlias = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of one answer; ``input`` holds those of the cache, ``output`` those of reasoning."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            input=self.input + other.input,
            output=self.output + other.output,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """A good answer.

    Args:
        text: None makes one that fits what was asked: an instance of the JSON schema, a call of
            a tool (unless the last message is a tool's result), else the last message again.
        reasoning: what it thinks first.
        tool_calls: names and arguments; a text goes out as the arguments as it stands.
        finish: OpenAI's finish reason; None for what follows from the answer.
        tokens: what is told and billed; None counts words.
        tells_usage: whether the reply says how many tokens it took.
        delay_s: before the head of the reply.
        first_token_s: between the head of a stream and its first piece.
        between_s: between pieces of a stream.
    """

    text: str | None = None
    reasoning: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    finish: Literal["stop", "length", "tool_calls", "content_filter"] | None = None
    tokens: Tokens | None = None
    tells_usage: bool = True
    delay_s: float = 0.0
    first_token_s: float = 0.0
    between_s: float = 0.0


class FaultKind(StrEnum):
    """What may go wrong. Those of a stream's middle hit the middle of a whole reply's body, too."""

    RATE_LIMITED = "rate_limited"
    """429."""
    NO_QUOTA = "no_quota"
    """429 with ``insufficient_quota``; at Anthropic a 400 about the credit balance."""
    SERVER_ERROR = "server_error"
    """500."""
    UNAVAILABLE = "unavailable"
    """503."""
    OVERLOADED = "overloaded"
    """529."""
    BAD_REQUEST = "bad_request"
    """400."""
    TOO_LONG = "too_long"
    """400 about the window of the model."""
    UNAUTHORIZED = "unauthorized"
    """401."""
    REDIRECT = "redirect"
    """307 to an address of another host."""
    RESET = "reset"
    """The connection is closed before any answer."""
    HANG = "hang"
    """Nothing comes until the client leaves."""
    HANG_MIDWAY = "hang_midway"
    """As `HANG`, after some pieces."""
    CUT = "cut"
    """The connection is closed after some pieces."""
    NO_END = "no_end"
    """The body ends in good order, but without the pieces that say that the answer is whole."""
    ERROR_EVENT = "error_event"
    """An error told within the stream after some pieces; a 500 for a whole reply."""
    BROKEN_JSON = "broken_json"
    EMPTY = "empty"
    """200 with nothing in it."""
    WRONG_TYPE = "wrong_type"
    """200 with a page of HTML."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A bad answer.

    Args:
        kind: what goes wrong.
        headers: besides the usual ones, such as ``{"Retry-After": "2"}``.
        after: pieces of the answer told before the faults of a stream's middle, >= 0.
        says: the answer that goes wrong.
        message: of an error that is told.
    """

    kind: FaultKind
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 2
    says: Says = field(default_factory=Says)
    message: str | None = None


Step: TypeAlias = Says | Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request.

    Args:
        n: how many came before it.
        wire: the form it is written in.
        path: such as ``/v1/chat/completions``.
        headers: names in lower case.
        body: as JSON gave it.
    """

    n: int
    wire: Wire
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        """As it was asked for."""
        return str(self.body.get("model", ""))

    @property
    def stream(self) -> bool:
        """Whether the answer shall come in pieces."""
        return bool(self.body.get("stream"))


Decide: TypeAlias = Callable[[Asked], Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a model costs, in USD per million tokens; None: cached ones cost as others do."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    cache_write: Decimal | None = None

    def cost(self, tokens: Tokens) -> Decimal:
        """In USD, exactly."""
        plain = tokens.input - tokens.cached - tokens.cache_write
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        millionths = (
            plain * self.input
            + tokens.cached * cached
            + tokens.cache_write * written
            + tokens.output * self.output
        )
        return millionths / 1_000_000


@dataclass(slots=True, kw_only=True)
class Bill:
    """What the server would send an invoice for; whatever was answered counts, broken or not.

    Args:
        n_billed: answers with tokens in them.
        tokens: by model.
    """

    n_billed: int = 0
    tokens: dict[str, Tokens] = field(default_factory=dict)

    def add(self, model: str, tokens: Tokens) -> None:
        """Count one answer."""
        self.n_billed += 1
        self.tokens[model] = self.tokens.get(model, Tokens()) + tokens

    def usd(self, rates: Mapping[str, Rates]) -> Decimal:
        """The sum.   Raises: KeyError: a model that was billed has no rates."""
        return sum((rates[model].cost(sums) for model, sums in self.tokens.items()), Decimal(0))


def sometimes(
    share: float, faults: Sequence[Step], *, seed: int, else_: Step | None = None
) -> Decide:
    """Faults by chance: each request meets one of them with probability ``share``.

    Args: share: in [0, 1]; faults: at least one, equally likely; else_: what other requests meet.
    """
    chance = random.Random(seed)
    good = else_ or Says()

    def decide(_: Asked) -> Step:
        return chance.choice(faults) if chance.random() < share else good

    return decide
