"""The paths of the data plane: one table, for routing and for the OpenAPI document."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote

import msgspec


class Kind(StrEnum):
    """What a route does."""

    LIVENESS = "liveness"
    READINESS = "readiness"
    HEALTH = "health"
    METRICS = "metrics"
    PING = "ping"
    SERVER_VERSION = "server_version"
    SERVER_METADATA = "server_metadata"
    MODEL_INDEX = "model_index"
    MODEL_READY = "model_ready"
    MODEL_CONFIG = "model_config"
    MODEL_METADATA = "model_metadata"
    MODEL_STATUS = "model_status"
    INFER = "infer"
    PREDICT = "predict"
    CLASSIFY = "classify"
    REGRESS = "regress"
    SIGNATURES = "signatures"
    INVOCATIONS = "invocations"


PREDICTING = frozenset((Kind.INFER, Kind.PREDICT, Kind.CLASSIFY, Kind.REGRESS, Kind.INVOCATIONS))
"""Routes whose requests are rows to predict."""


class Route(msgspec.Struct, frozen=True):
    """A matched path.

    Args:
        model: named in the path, decoded; None where the path names none.
        version: named in the path; None for whichever the split gives.
    """

    kind: Kind
    model: str | None = None
    version: int | None = None


class Pattern(msgspec.Struct, frozen=True):
    """One line of the table: ``path`` with ``{model}`` and ``{version}``, and its method."""

    path: str
    kind: Kind
    method: str = "GET"


PATTERNS = (
    Pattern("/livez", Kind.LIVENESS),
    Pattern("/readyz", Kind.READINESS),
    Pattern("/health", Kind.HEALTH),
    Pattern("/metrics", Kind.METRICS),
    Pattern("/ping", Kind.PING),
    Pattern("/version", Kind.SERVER_VERSION),
    Pattern("/invocations", Kind.INVOCATIONS, "POST"),
    Pattern("/v2", Kind.SERVER_METADATA),
    Pattern("/v2/health/live", Kind.LIVENESS),
    Pattern("/v2/health/ready", Kind.READINESS),
    Pattern("/v2/repository/index", Kind.MODEL_INDEX, "POST"),
    Pattern("/v2/models/{model}", Kind.MODEL_METADATA),
    Pattern("/v2/models/{model}/versions/{version}", Kind.MODEL_METADATA),
    Pattern("/v2/models/{model}/ready", Kind.MODEL_READY),
    Pattern("/v2/models/{model}/versions/{version}/ready", Kind.MODEL_READY),
    Pattern("/v2/models/{model}/config", Kind.MODEL_CONFIG),
    Pattern("/v2/models/{model}/versions/{version}/config", Kind.MODEL_CONFIG),
    Pattern("/v2/models/{model}/infer", Kind.INFER, "POST"),
    Pattern("/v2/models/{model}/versions/{version}/infer", Kind.INFER, "POST"),
    Pattern("/v1/models/{model}:predict", Kind.PREDICT, "POST"),
    Pattern("/v1/models/{model}/versions/{version}:predict", Kind.PREDICT, "POST"),
    Pattern("/v1/models/{model}:classify", Kind.CLASSIFY, "POST"),
    Pattern("/v1/models/{model}/versions/{version}:classify", Kind.CLASSIFY, "POST"),
    Pattern("/v1/models/{model}:regress", Kind.REGRESS, "POST"),
    Pattern("/v1/models/{model}/versions/{version}:regress", Kind.REGRESS, "POST"),
    Pattern("/v1/models/{model}/metadata", Kind.SIGNATURES),
    Pattern("/v1/models/{model}/versions/{version}/metadata", Kind.SIGNATURES),
    Pattern("/v1/models/{model}/versions/{version}", Kind.MODEL_STATUS),
    Pattern("/v1/models/{model}", Kind.MODEL_STATUS),
)

METHODS = {pattern.kind: pattern.method for pattern in PATTERNS}
"""The method of each kind of route."""

_NO_VERSION = -1
"""Stands for a version that is no number, so that it is unknown like any other."""


def _expression(path: str) -> re.Pattern[str]:
    escaped = re.escape(path).replace(r"\{model\}", "(?P<model>[^/]+?)")
    return re.compile(escaped.replace(r"\{version\}", "(?P<version>[^/]+?)"))


_EXPRESSIONS = tuple((_expression(pattern.path), pattern.kind) for pattern in PATTERNS)


def match(path: str) -> Route | None:
    """The route of a percent-encoded path, or None when it is none of the data plane's."""
    for expression, kind in _EXPRESSIONS:
        found = expression.fullmatch(path)
        if found is None:
            continue
        parts = found.groupdict()
        version = parts.get("version")
        return Route(
            kind,
            unquote(parts["model"]) if "model" in parts else None,
            None if version is None else _number(version),
        )
    return None


def reserved(path: str) -> bool:
    """Whether the path lies where only the data plane answers, even if no route has it."""
    return path.startswith("/v2/")


def _number(version: str) -> int:
    digits = version.isascii() and version.isdigit() and len(version) <= 9
    return int(version) if digits else _NO_VERSION
