"""Webhooks of MLflow: who signed them, and when."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from seatrial.registry.webhook import (
    DELIVERY,
    SIGNATURE,
    TIMESTAMP,
    WINDOW_S,
    News,
    WebhookSignatureWrong,
    WebhookStale,
    WebhookUnreadable,
    read_webhook,
    signature_of,
)

SECRET = "a secret of MLflow"
NOW_S = 1_795_000_000.0
BODY = json.dumps(
    {
        "entity": "model_version",
        "action": "created",
        "timestamp": "2026-11-18T13:46:40+00:00",
        "data": {"name": "churn", "version": "3", "source": "models:/m-1", "run_id": None},
    }
).encode()


def signed(body: bytes = BODY, *, secret: str = SECRET, at_s: float = NOW_S) -> dict[str, str]:
    stamp = str(int(at_s))
    return {
        DELIVERY: "d-1",
        TIMESTAMP: stamp,
        SIGNATURE: signature_of(secret, "d-1", stamp, body),
    }


def read(headers: dict[str, str], body: bytes = BODY) -> News:
    return read_webhook(headers, body, secret=SECRET, now_s=NOW_S, variable="HOOK")


def test_what_mlflow_signed_is_read() -> None:
    # Made by MLflow 3.17.2: mlflow.webhooks.delivery._generate_hmac_signature
    assert signature_of("abc123", "d-1", "1795000000", b'{"a": 1}') == MLFLOW
    news = read(signed())
    assert news == News(delivery="d-1", entity="model_version", action="created", model="churn")


MLFLOW = "v1,0G3zSUshhx4HStcnND9pPGrAYpYUZhxO7gd7R1ic9LE="


@given(body=st.binary(max_size=200), secret=st.text(st.characters(codec="ascii"), min_size=1))
def test_signatures_are_those_of_standard_webhooks(body: bytes, secret: str) -> None:
    text = base64.b64encode(body).decode()  # the library signs text
    other = Webhook(base64.b64encode(secret.encode()).decode())
    at = datetime.fromtimestamp(NOW_S, UTC)
    expected = other.sign("d-1", at, text)
    assert signature_of(secret, "d-1", str(int(NOW_S)), text.encode()) == expected


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({SIGNATURE: ""}, BODY),
        ({SIGNATURE: "v1,AAAA"}, BODY),
        ({SIGNATURE: "比"}, BODY),
        ({DELIVERY: "d-2"}, BODY),
        ({TIMESTAMP: str(int(NOW_S) + 1)}, BODY),
        ({}, BODY + b" "),
    ],
)
def test_what_is_signed_otherwise_is_refused(change: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookSignatureWrong, match="HOOK"):
        read(signed() | change, body)
    with pytest.raises(WebhookSignatureWrong, match="not signed with the secret"):
        read(signed(secret="another"))
    with pytest.raises(WebhookSignatureWrong, match="made without a secret"):
        read({})


@pytest.mark.parametrize("late_s", [WINDOW_S + 1, -WINDOW_S - 1])
def test_an_old_one_is_refused_although_it_is_signed(late_s: float) -> None:
    with pytest.raises(WebhookStale, match="300 s from now"):
        read(signed(at_s=NOW_S - late_s))
    assert read(signed(at_s=NOW_S - WINDOW_S)).model == "churn"


def test_a_timestamp_that_is_none_is_old() -> None:
    headers = {DELIVERY: "d", TIMESTAMP: "soon", SIGNATURE: signature_of(SECRET, "d", "soon", BODY)}
    with pytest.raises(WebhookStale, match="'soon'"):
        read(headers)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff\xfe", b'{"entity": 1}', b"[" * 100_000, b'{"data": []}']
)
def test_a_signed_body_of_another_kind_is_told(body: bytes) -> None:
    with pytest.raises(WebhookUnreadable, match="entity, action and data"):
        read(signed(body), body)
