"""Which models take a JSON schema."""

from __future__ import annotations

import pytest

from seatrial.gateway.structured.native import takes_schema

OLDER = {
    "openai": "gpt-3.5-turbo gpt-4 gpt-4-0613 gpt-4-turbo gpt-4-32k gpt-4o-2024-05-13 o1-mini "
    "o1-preview-2024-09-12 ft:gpt-3.5-turbo-0125:us::id ft:gpt-4:us::id",
    "anthropic": "claude-2.1 claude-instant-1.2 claude-3-opus-20240229 claude-3-haiku-20240307 "
    "claude-3-5-sonnet-latest claude-3-7-sonnet-20250219 claude-opus-4-20250514 claude-sonnet-4-0 "
    "claude-sonnet-4",
}
NEWER = {
    "openai": "gpt-4o gpt-4o-mini gpt-4o-2024-08-06 gpt-4.1 gpt-4.1-mini gpt-4.5-preview gpt-5 o1 "
    "o1-pro o3 o3-mini o4-mini ft:gpt-4o-mini-2024-07-18:us::id",
    "anthropic": "claude-opus-4-1 claude-opus-4-1-20250805 claude-sonnet-4-5 claude-haiku-4-5 "
    "claude-sonnet-4-5-20250929 claude-opus-4-6 claude-sonnet-5",
}


@pytest.mark.parametrize("vendor", OLDER)
def test_the_older_models_of_the_two_vendors_do_not(vendor: str) -> None:
    assert not any(takes_schema(vendor, model) for model in OLDER[vendor].split())
    assert all(takes_schema(vendor, model) for model in NEWER[vendor].split())


@pytest.mark.parametrize("vendor", ["", "azure", "deepseek"])
def test_of_others_nothing_is_known(vendor: str) -> None:
    assert takes_schema(vendor, "gpt-3.5-turbo")
