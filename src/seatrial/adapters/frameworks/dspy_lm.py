"""DSPy: a model of the gateway as a language model, in the process of the program.

DSPy 3.4 asks what it calls an engine, one attempt a call; the interface before it is gone with 3.5.
Retries, fallbacks, budgets and prices are the gateway's, so DSPy has no retries of its own here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from seatrial.adapters.event_loop_thread import EventLoopThread
from seatrial.gateway.chat.failures import ContextTooLong, RateLimited, Rejected, TimedOut
from seatrial.gateway.chat.messages import Message, Role, said
from seatrial.gateway.chat.request import ChatRequest, Format, ResponseFormat
from seatrial.gateway.chat.response import FinishReason
from seatrial.gateway.routes.gateway import NOBODY, Caller, Completion, Gateway
from seatrial.kernel.errors import (
    DeadlineExceeded,
    Invalid,
    LimitExceeded,
    MissingExtra,
    NotFound,
    SeatrialError,
)

if TYPE_CHECKING:
    from dspy import LM
    from dspy.lm15 import Request, Response

_ERRORS = (
    ((ContextTooLong,), "ContextLengthError"),
    ((RateLimited, LimitExceeded), "RateLimitError"),
    ((TimedOut, DeadlineExceeded), "TimeoutError"),
    ((NotFound,), "UnsupportedModelError"),
    ((Rejected, Invalid), "InvalidRequestError"),
    ((SeatrialError,), "ProviderError"),
)
"""Names of DSPy's errors by ours, the first that fits."""
_REASONS = {
    FinishReason.CUT: "length",
    FinishReason.FILTERED: "content_filter",
}


def dspy_lm(
    model: str,
    open_gateway: Callable[[], Gateway],
    *,
    caller: Caller = NOBODY,
    **options: Any,
) -> LM:
    """A model of the gateway as DSPy's programs take one: ``dspy.configure(lm=dspy_lm(...))``.

    It reads and writes text, and answers to a JSON schema; tools are told in words, as DSPy does
    for models without them. Answers are not kept by DSPy unless ``cache=True`` is given: the
    gateway has a cache of its own. `close` of its ``engine`` gives back connections.

    Args:
        model: a name of the gateway's configuration.
        open_gateway: `seatrial.open_gateway`, or what else makes one; called once.
        caller: who pays.
        options: of `dspy.LM`, such as ``temperature`` and ``max_tokens``.
    Raises: MissingExtra: DSPy 3.4 or later is not installed.
    """
    try:
        import dspy
        from dspy import lm15
    except ImportError as error:
        raise MissingExtra("dspy", "dspy") from error
    engine = GatewayEngine(lm15, model, open_gateway, caller)
    given = {"cache": False, "num_retries": 0} | options
    return dspy.LM(model, engine=engine, async_engine=AsyncGatewayEngine(engine), **given)


class GatewayEngine:
    """Answers DSPy's requests through the gateway, whose event loop runs in a thread of its own.

    Args: forms: the module `dspy.lm15`; the others as `dspy_lm`.
    """

    supports_response_schema = True
    supported_params = frozenset(
        {"temperature", "max_tokens", "top_p", "stop", "seed", "response_format"}
    )

    def __init__(
        self, forms: Any, model: str, open_gateway: Callable[[], Gateway], caller: Caller
    ) -> None:
        self._forms, self._model, self._caller = forms, model, caller
        self._open_gateway = open_gateway
        self._gateway: Gateway | None = None
        self._thread = EventLoopThread(f"dspy {model}")

    def complete(self, request: Request) -> Response:
        """One answer.   Raises: DSPy's errors."""
        asked = self._asked(request)
        try:
            return self._response(self._thread.run(self._completed(asked)))
        except SeatrialError as problem:
            name = next(name for kinds, name in _ERRORS if isinstance(problem, kinds))
            error = getattr(self._forms, name)
            raise error(f"{problem.problem} {problem.remedy} ({problem.code})") from problem

    def stream(self, request: Request) -> Iterator[Any]:
        """The whole answer, in pieces that DSPy knows."""
        yield from self._forms.response_to_events(self.complete(request))

    def close(self) -> None:
        """Keep what calls cost, and give back connections."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            self._thread.run(gateway.close())
        self._thread.close()

    async def _completed(self, asked: ChatRequest) -> Completion:
        if self._gateway is None:
            self._gateway = self._open_gateway()
        return await self._gateway.chat(self._model, request=asked, caller=self._caller)

    def _asked(self, request: Request) -> ChatRequest:
        config = request.config
        if request.tools:
            raise self._unsupported("tools")
        turns = [] if request.system is None else [said(Role.SYSTEM, self._text(request.system))]
        turns += [self._turn(one) for one in request.messages]
        return ChatRequest(
            model=self._model,
            messages=tuple(turns),
            max_tokens=config.max_tokens,
            temperature=config.temperature,
            top_p=config.top_p,
            seed=config.seed,
            stop=config.stop,
            response_format=_form(config.response_format),
        )

    def _turn(self, message: Any) -> Message:
        role = Role.ASSISTANT if message.role == "assistant" else Role.USER
        if message.role in {"system", "developer"}:
            role = Role.SYSTEM
        return said(role, self._text(message.parts))

    def _text(self, parts: Any) -> str:
        if isinstance(parts, str):
            return parts
        strange = next((one.type for one in parts if one.type != "text"), None)
        if strange is not None:
            raise self._unsupported(strange)
        return "".join(one.text for one in parts)

    def _unsupported(self, what: str) -> Exception:
        error: Exception = self._forms.UnsupportedFeatureError(
            f"The gateway is asked in text here, and the request has: {what}.", feature=what
        )
        return error

    def _response(self, completion: Completion) -> Response:
        forms, usage = self._forms, completion.usage
        choice = completion.response.choices[0]
        return forms.Response(  # type: ignore[no-any-return, unused-ignore]
            id=completion.response.id or None,
            model=completion.response.model or self._model,
            message=forms.Message.assistant([forms.TextPart(completion.text)]),
            finish_reason=_REASONS.get(choice.finish_reason, "stop"),
            usage=forms.Usage()
            if usage is None
            else forms.Usage(
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cache_read_tokens=usage.cached_tokens,
                reasoning_tokens=usage.reasoning_tokens,
            ),
        )


class AsyncGatewayEngine:
    """The same for programs with an event loop."""

    def __init__(self, engine: GatewayEngine) -> None:
        self._engine = engine

    async def complete(self, request: Request) -> Response:
        """See `GatewayEngine`."""
        return await asyncio.to_thread(self._engine.complete, request)

    async def stream(self, request: Request) -> AsyncIterator[Any]:
        """See `GatewayEngine`."""
        for event in await asyncio.to_thread(lambda: list(self._engine.stream(request))):
            yield event

    async def aclose(self) -> None:
        """See `GatewayEngine`."""
        await asyncio.to_thread(self._engine.close)


def _form(written: Any) -> ResponseFormat | None:
    if written is None or written.get("type") == "text":
        return None
    if written["type"] == "json_object":
        return ResponseFormat(form=Format.JSON)
    return ResponseFormat(
        form=Format.SCHEMA,
        name=written.get("name") or "answer",
        schema=written.get("schema") or {},
        strict=written.get("strict"),
    )
