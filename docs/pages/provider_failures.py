"""docs/reference/provider-failures.md: what a failure of a provider leads to, asked of the code."""

from __future__ import annotations

from collections.abc import Iterator

from pages.errors import below
from pages.text import first_paragraph, page, table
from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.failures import ProviderFailure
from seatrial.gateway.policies import breaker, concurrency
from seatrial.gateway.policies.backoff import Backoff, wait_s
from seatrial.gateway.policies.circuit import (
    TRANSITIONS,
    Answered,
    Asked,
    CircuitOptions,
    CircuitPhase,
    Failed,
)
from seatrial.gateway.policies.course import goes_elsewhere

_HOMES = ("seatrial.gateway.chat.failures", breaker.__name__, concurrency.__name__)
_WORDS = {
    (CircuitPhase.CLOSED, Failed): "too many failures",
    (CircuitPhase.OPEN, Asked): "its time is over, and a probe goes",
    (CircuitPhase.HALF_OPEN, Answered): "all probes are answered",
    (CircuitPhase.HALF_OPEN, Failed): "a probe fails",
}


def provider_failures_page() -> str:
    """Every failure with what is done about it, and the phases of a circuit."""
    return page(
        "Failures of providers",
        [
            "What the gateway does when a provider fails, before a caller sees any of it. *Again*:",
            "the same provider is asked again, with exponential backoff. *Elsewhere*: the next",
            "candidate is asked. *Counts*: it may open the circuit of the provider. *Paid*: the",
            "provider may have done the work, and bill it.",
            "",
            "A stream that gave a part of the answer is neither asked for again nor elsewhere:",
            "whatever happens then is `gateway.stream_cut`.",
        ],
        table(["code", "again", "elsewhere", "counts", "paid", "meaning"], _rows()),
        ["## The circuit of a provider"],
        ["```mermaid", *_diagram(), "```"],
        [
            "A closed circuit lets all requests through, an open one none, a half-open one a few",
            "as probes. While it is open, requests go to the next candidate at once, or fail with",
            "`gateway.circuit_open` and the time until the next probe.",
        ],
    )


def _rows() -> Iterator[list[str]]:
    classes = [cls for cls in below(ProviderFailure) if cls.__module__ in _HOMES]
    for cls in sorted(classes, key=lambda cls: cls.code):
        failure = cls("", remedy="", provider="a")
        pause_s = wait_s(failure, n_failed=1, left_s=60.0, backoff=Backoff(), chance=0.5)
        yield [
            f"`{cls.code}`",
            _word(pause_s is not None),
            _word(goes_elsewhere(failure)),
            _word(_opens(failure)),
            _word(failure.may_be_paid),
            first_paragraph(cls),
        ]


def _opens(failure: ProviderFailure) -> bool:
    circuit = breaker.Circuit(CircuitOptions(failures_in_row=1), now=lambda: 0.0)
    call = Call(id="", deadline=60.0, journal=Journal())
    circuit.ended(circuit.enter("a"), failure, call)
    return circuit.phase is CircuitPhase.OPEN


def _word(said: bool) -> str:  # noqa: FBT001 - a word for it is all there is
    return "yes" if said else "no"


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {CircuitPhase.CLOSED}"
    for (phase, event), led_to in TRANSITIONS.items():
        for after in sorted(led_to - {phase}):
            yield f"    {phase} --> {after}: {_WORDS[phase, event]}"
