"""Requests that the gateway keeps from a provider: its circuit is open, or its queue is full."""

from __future__ import annotations

from seatrial.gateway.chat.failures import ProviderFailure


class HeldBack(ProviderFailure):
    """The gateway did not ask the provider; nothing was sent."""

    code = "gateway.provider_held_back"
    retryable = True
