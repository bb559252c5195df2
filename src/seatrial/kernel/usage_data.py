"""Libraries that would tell their makers how they are used, and are asked not to."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_DECLINED = {
    # ONNX Runtime 1.32 keeps an id of the machine and events in ~/.cache/Microsoft, to send them,
    # and warns on stderr where it cannot. It decides while it is imported.
    "ORT_DISABLE_TELEMETRY": "1",
}


def decline(environment: MutableMapping[str, str] = os.environ) -> None:
    """Ask so, before they are imported; what the environment says already stays."""
    for name, value in _DECLINED.items():
        environment.setdefault(name, value)
