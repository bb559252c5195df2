"""Which models are not held to a JSON schema by their vendors, and refuse one. Pure.

Sources: OpenAI, "Structured model outputs", supported models: from gpt-4o-2024-08-06 and o1 on;
Anthropic, "Structured outputs", model availability: from Claude Opus 4.1, Sonnet 4.5 and Haiku 4.5
on.
"""

from __future__ import annotations

import re

_OLDER = {
    "openai": re.compile(r"(ft:)?(gpt-3\.5|gpt-4(-|:|$)|gpt-4o-2024-05-13|o1-mini|o1-preview)"),
    "anthropic": re.compile(r"claude-([123]|instant|(opus|sonnet)-4(-0|-2025\d{4})?$)"),
}


def takes_schema(vendor: str, model: str) -> bool:
    """Whether a model takes a JSON schema, as far as is known here: all do but those that are known
    not to.

    Args:
        vendor: as prices name it; "" for one that is not known.
    """
    older = _OLDER.get(vendor)
    return older is None or older.match(model) is None
