"""Webhooks as they come in at a worker."""

from __future__ import annotations

import json
import logging

import pytest

from seatrial.registry.webhook import (
    DELIVERY,
    SIGNATURE,
    TIMESTAMP,
    WebhookNotExpected,
    WebhookSignatureWrong,
    signature_of,
)
from seatrial.testing import FakeClock, MemoryStore
from seatrial.training.following.nudges import PREFIX, Nudges

BODY = json.dumps({"entity": "model_version", "action": "created", "data": {"name": "m"}}).encode()


def signed(clock: FakeClock, delivery: str, *, secret: str = "s") -> dict[str, str]:
    stamp = str(int(clock.now().timestamp()))
    return {
        DELIVERY: delivery,
        TIMESTAMP: stamp,
        SIGNATURE: signature_of(secret, delivery, stamp, BODY),
    }


def made(store: MemoryStore, clock: FakeClock, secret: str | None = "s") -> Nudges:
    return Nudges(store, name="worker/a/0", secret=secret, variable="HOOK", clock=clock)


def counts(store: MemoryStore) -> dict[str, int]:
    (beat,) = store.present(PREFIX)
    found = beat.data["counts"]
    assert isinstance(found, dict)
    return found


def test_one_that_comes_twice_is_told_apart() -> None:
    store, clock = MemoryStore(), FakeClock()
    nudges = made(store, clock)
    assert nudges.take(signed(clock, "d1"), BODY) == "accepted"
    assert nudges.take(signed(clock, "d1"), BODY) == "repeated"
    assert nudges.take(signed(clock, "d2"), BODY) == "accepted"
    assert counts(store) == {"accepted": 2, "repeated": 1}


def test_wrong_ones_are_counted_logged_once_and_told_once_a_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, clock = MemoryStore(), FakeClock()
    nudges = made(store, clock)
    with caplog.at_level(logging.WARNING):
        for i in range(50):
            with pytest.raises(WebhookSignatureWrong):
                nudges.take(signed(clock, f"d{i}", secret="x"), BODY)
    assert len(caplog.records) == 1
    code = WebhookSignatureWrong.code
    assert counts(store) == {code: 1}
    clock.advance(1.0)
    with pytest.raises(WebhookSignatureWrong):
        nudges.take({}, BODY)
    assert counts(store) == {code: 51}


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_none_is_taken(secret: str | None) -> None:
    store, clock = MemoryStore(), FakeClock()
    with pytest.raises(WebhookNotExpected, match="HOOK is empty"):
        made(store, clock, secret).take(signed(clock, "d", secret=""), BODY)
