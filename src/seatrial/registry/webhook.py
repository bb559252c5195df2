"""MLflow's webhooks: is one signed by who knows the secret, and fresh? Pure.

MLflow signs ``<delivery id>.<timestamp>.<body>`` with HMAC-SHA256 and sends it in base64 after
``v1,``. A webhook is a hint to look and nothing of its body is acted on, so one that is lost,
delivered twice or sent again within its window does no harm.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from seatrial.kernel.errors import Denied, Invalid

SIGNATURE: Final = "x-mlflow-signature"
TIMESTAMP: Final = "x-mlflow-timestamp"
DELIVERY: Final = "x-mlflow-delivery-id"

WINDOW_S: Final = 300.0
"""A webhook may be so much older, or newer, than our clock says."""

_SCHEME: Final = "v1"
_MAX_NAME: Final = 200


class WebhookNotExpected(Denied):
    """A webhook came, and nobody has set the secret that it would be checked with."""

    code = "registry.webhook_not_expected"


class WebhookSignatureWrong(Denied):
    """A webhook is not signed, or not with our secret."""

    code = "registry.webhook_signature_wrong"


class WebhookStale(Denied):
    """A webhook was signed long ago, or in the future."""

    code = "registry.webhook_stale"


class WebhookUnreadable(Invalid):
    """A signed webhook is not what MLflow sends."""

    code = "registry.webhook_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a webhook says happened.

    Args:
        delivery: its id.
        entity, action: such as ``model_version`` and ``created``.
        model: name of the registered model, or "".
    """

    delivery: str
    entity: str
    action: str
    model: str


def read_webhook(
    headers: Mapping[str, str], body: bytes, *, secret: str, now_s: float, variable: str
) -> News:
    """What a webhook says, once it is known to come from who knows the secret.

    Args:
        headers: names in lower case.
        secret: shared with MLflow.
        now_s: seconds since 1970.
        variable: that holds the secret, for people.
    Raises: WebhookSignatureWrong, WebhookStale, WebhookUnreadable.
    """
    delivery, timestamp = headers.get(DELIVERY, ""), headers.get(TIMESTAMP, "")
    expected = signature_of(secret, delivery, timestamp, body)
    given = headers.get(SIGNATURE, "")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise WebhookSignatureWrong(
            "The webhook is not signed with the secret of this server."
            if given
            else f"The webhook has no header {SIGNATURE}: it was made without a secret.",
            remedy=f"Give MLflow's webhook the secret that {variable} holds here.",
        )
    _check_fresh(timestamp, now_s)
    return _news(delivery, body)


def signature_of(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """The signature as MLflow writes it."""
    signed = f"{delivery}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return f"{_SCHEME},{base64.b64encode(digest).decode()}"


def _check_fresh(timestamp: str, now_s: float) -> None:
    sent_s = int(timestamp) if timestamp.isascii() and timestamp.isdecimal() else None
    if sent_s is None or abs(now_s - sent_s) > WINDOW_S:
        raise WebhookStale(
            f"The webhook was signed at {timestamp[:20]!r}, more than {WINDOW_S:g} s from now.",
            remedy="Set the clocks of MLflow's server and of this one; nothing is lost, the "
            "registry is asked anyway.",
        )


def _news(delivery: str, body: bytes) -> News:
    try:
        record = json.loads(body)
        entity, action, data = record["entity"], record["action"], record["data"]
        name = data.get("name", "")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise WebhookUnreadable(
            "The webhook holds no entity, action and data.",
            remedy="Let MLflow send it: events of model_version and model_version_alias.",
        ) from problem
    return News(
        delivery=delivery[:_MAX_NAME],
        entity=str(entity)[:_MAX_NAME],
        action=str(action)[:_MAX_NAME],
        model=str(name)[:_MAX_NAME],
    )
