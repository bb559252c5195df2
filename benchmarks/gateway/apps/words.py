"""The answer of the upstream, which whoever checks answers knows, too."""

from __future__ import annotations

WORDS = ["Rivers", "carry", "the", "rain", "back"]
RECORD = (
    '{"name":"Ada","age":36,"skills":["logic","poetry"],"city":{"name":"London","country":"GB"}}'
)
FLOOD = "FLOOD"
"""Stands in a request for a stream of `FLOOD_BYTES` that comes as fast as it is taken."""
FLOOD_BYTES = 64 * 1024 * 1024
