"""What can go wrong with a call, by what can be done about it.

    ProviderFailure        the provider, or the way to it
    ├── RateLimited        it wants fewer requests: wait, or go elsewhere
    ├── Overloaded         it has no room (429 without a limit of ours, 503, 529)
    ├── ServerFault        it failed (500, 502, 504)
    ├── Unreachable        no connection: the request was never sent
    ├── ConnectionLost     the connection broke after the request was sent, before any answer
    ├── TimedOut           no answer in time
    ├── BadReply           the answer cannot be read: broken JSON, wrong type, empty
    ├── StreamCut          the answer broke off after it had begun
    ├── Rejected           the request is wrong (400, 404, 413, 422): no other attempt can help
    ├── ContextTooLong     the request does not fit the model's window
    ├── Unauthorized       the gateway's own credentials are refused (401, 403)
    ├── OutOfCredit        the account with the provider is empty (402, insufficient_quota)
    └── NotOffered         the provider has no such thing, as embeddings at Anthropic; never sent

Failures of policies (budget, rate limits, guards) live beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from seatrial.kernel.errors import SeatrialError


class ProviderFailure(SeatrialError):
    """A call that a provider did not answer as asked.

    Args:
        provider: its name in the configuration.
        status: of HTTP, or None where there was none.
        retry_after_s: how long the provider asks to wait, >= 0; None where it does not say.
        body: the provider's own error as it came, where it was JSON.
    """

    code = "gateway.provider_failed"
    may_be_paid: ClassVar[bool] = False
    """Whether the provider may have done, and billed, the work."""
    elsewhere: ClassVar[bool] = True
    """Whether another provider may do better."""

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        provider: str,
        status: int | None = None,
        retry_after_s: float | None = None,
        body: Mapping[str, object] | None = None,
        **facts: object,
    ) -> None:
        super().__init__(problem, remedy=remedy, provider=provider, status=status, **facts)
        self.provider = provider
        self.status = status
        self.retry_after_s = retry_after_s
        self.body = body

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (
            type(self),
            self.problem,
            {
                **self.facts,
                "remedy": self.remedy,
                "retry_after_s": self.retry_after_s,
                "body": self.body,
            },
        )


def _rebuilt(
    cls: type[ProviderFailure], problem: str, arguments: dict[str, object]
) -> ProviderFailure:
    return cls(problem, **arguments)  # type: ignore[arg-type]


class RateLimited(ProviderFailure):
    """The provider wants fewer requests or tokens a minute."""

    code = "gateway.provider_rate_limited"
    retryable = True


class Overloaded(ProviderFailure):
    """The provider has no room at the moment."""

    code = "gateway.provider_overloaded"
    retryable = True


class ServerFault(ProviderFailure):
    """The provider failed."""

    code = "gateway.provider_fault"
    retryable = True


class Unreachable(ProviderFailure):
    """There is no connection to the provider; the request was never sent."""

    code = "gateway.provider_unreachable"
    retryable = True


class ConnectionLost(ProviderFailure):
    """The connection broke after the request was sent and before any answer."""

    code = "gateway.provider_connection_lost"
    retryable = True
    may_be_paid = True


class TimedOut(ProviderFailure):
    """The provider did not answer in time."""

    code = "gateway.provider_timed_out"
    retryable = True
    may_be_paid = True


class BadReply(ProviderFailure):
    """The provider's answer cannot be read."""

    code = "gateway.provider_reply_unreadable"
    retryable = True
    may_be_paid = True


class StreamCut(ProviderFailure):
    """The answer broke off after it had begun; what came is not the whole."""

    code = "gateway.stream_cut"
    may_be_paid = True
    retryable = True


class Rejected(ProviderFailure):
    """The provider calls the request wrong."""

    code = "gateway.request_rejected"
    elsewhere = False


class ContextTooLong(ProviderFailure):
    """The request does not fit the window of the model."""

    code = "gateway.context_too_long"


class Unauthorized(ProviderFailure):
    """The provider refuses the credentials the gateway has for it."""

    code = "gateway.provider_unauthorized"


class OutOfCredit(ProviderFailure):
    """The gateway's account with the provider is empty; waiting does not fill it."""

    code = "gateway.provider_out_of_credit"


class NotOffered(ProviderFailure):
    """The provider does not do what was asked; it was not asked to."""

    code = "gateway.not_offered"
