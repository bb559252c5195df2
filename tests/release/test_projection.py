"""The state of every endpoint, kept up to date from the log."""

from __future__ import annotations

import pytest

from seatrial.kernel.events import Draft
from seatrial.kernel.store import StreamChanged
from seatrial.release.config import ReleaseConfig
from seatrial.release.endpoint import EndpointState, ask, start
from seatrial.release.projection import Endpoints, UnknownEndpoint
from seatrial.testing import FakeClock, MemoryStore

PLAN = ReleaseConfig().plan()


def begin(state: EndpointState) -> list[Draft]:
    return start(state, version=1, digest="d", target="production", plan=PLAN)


def test_only_what_changed_is_named() -> None:
    store = MemoryStore(clock=FakeClock())
    endpoints = Endpoints(store)
    assert endpoints.refresh() == set()
    endpoints.change("a", begin)
    other = Endpoints(store)
    other.change("b", begin)
    assert endpoints.refresh() == {"b"}
    assert endpoints.refresh() == set()
    assert endpoints.names() == ["a", "b"]


def test_other_streams_are_no_endpoints() -> None:
    store = MemoryStore(clock=FakeClock())
    store.append("model/a", [Draft(kind="version.registered", data={}, by="t")], expected=0)
    endpoints = Endpoints(store)
    assert endpoints.refresh() == set()
    with pytest.raises(UnknownEndpoint) as unknown:
        endpoints.get("a")
    assert "none yet" in unknown.value.remedy
    assert endpoints.find("a") == EndpointState(name="a")


def test_a_long_log_is_read_to_its_end() -> None:
    store = MemoryStore(clock=FakeClock())
    writer = Endpoints(store)
    for _ in range(600):
        writer.change("a", begin)
        writer.change("a", lambda state: ask(state, "abort", by="t"))
    reader = Endpoints(store)
    reader.refresh()
    assert reader.get("a") == writer.get("a")
    assert reader.get("a").revision == 1200


def test_a_decision_is_made_anew_when_somebody_was_faster() -> None:
    store = MemoryStore(clock=FakeClock())
    slow, fast = Endpoints(store), Endpoints(store)
    seen: list[int] = []

    def decide(state: EndpointState) -> list[Draft]:
        seen.append(state.revision)
        if not seen[:-1]:
            fast.change("a", begin)
        return ask(state, "abort", by="t") if state.rollout else begin(state)

    assert slow.change("a", decide).revision == 2
    assert seen == [0, 1]


def test_a_stream_that_never_rests_is_given_up() -> None:
    store = MemoryStore(clock=FakeClock())
    slow, fast = Endpoints(store), Endpoints(store)

    def decide(state: EndpointState) -> list[Draft]:
        fast.change("a", lambda s: ask(s, "abort", by="t") if s.active else begin(s))
        return begin(state) if not state.active else ask(state, "abort", by="t")

    with pytest.raises(StreamChanged):
        slow.change("a", decide)


def test_no_draft_appends_nothing() -> None:
    store = MemoryStore(clock=FakeClock())
    assert Endpoints(store).change("a", lambda _: []) == EndpointState(name="a")
    assert store.head() == 0
