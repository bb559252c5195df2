from decimal import Decimal
from typing import Any

import pytest

from seatrial.gateway.ledger.budget import Scope
from seatrial.gateway.routes.config import GatewayConfig
from seatrial.kernel.config import ConfigInvalid, schema, validated

PROVIDERS = {"openai": {"kind": "openai"}, "local": {"kind": "openai", "base_url": "http://x:1/v1"}}


def read(**section: Any) -> GatewayConfig:
    return validated(GatewayConfig, section, "seatrial.yaml")


def test_nothing_said_is_no_model_and_no_provider() -> None:
    assert (read().models, read().providers) == ({}, {})


def test_models_may_be_written_short_or_in_full() -> None:
    config = read(
        providers=PROVIDERS,
        models={
            "a": "openai/gpt-4o-mini",
            "b": ["openai/gpt-4o", {"provider": "local", "model": "org/llama"}],
            "c": {"candidates": ["local/org/llama"], "deadline": "30s", "kind": "embedding"},
        },
    )
    candidates = {
        name: [(c.provider, c.model) for c in model.candidates]
        for name, model in config.models.items()
    }
    assert candidates == {
        "a": [("openai", "gpt-4o-mini")],
        "b": [("openai", "gpt-4o"), ("local", "org/llama")],
        "c": [("local", "org/llama")],
    }
    assert config.models["c"].deadline == 30


def test_a_vendor_has_its_address_and_prices_and_a_server_of_ones_own_nobodys() -> None:
    config = read(
        providers={
            **PROVIDERS,
            "claude": {"kind": "anthropic"},
            "az": {"kind": "openai", "base_url": "https://a.example", "vendor": "azure"},
        }
    )
    said = {name: (one.url, one.price_vendor) for name, one in config.providers.items()}
    assert said == {
        "openai": ("https://api.openai.com/v1", "openai"),
        "local": ("http://x:1/v1", ""),
        "claude": ("https://api.anthropic.com", "anthropic"),
        "az": ("https://a.example", "azure"),
    }


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"modles": {}}, "did you mean 'models'"),
        ({"providers": {"x": {"kind": "openai", "api_key": "sk-1"}}}, "did you mean 'api_key_env'"),
        ({"providers": {"x": {"kind": "openai", "base_url": "file:///etc"}}}, "http:// or https"),
        ({"providers": {"x": {"kind": "openai", "base_url": "http://u:p@h/"}}}, "no user"),
        ({"providers": {"x": {"kind": "gopher"}}}, "'openai' or 'anthropic'"),
        ({"providers": {"x": {"kind": "openai", "headers": {"a": "b\r\nc: d"}}}}, "pattern"),
        ({"providers": PROVIDERS, "models": {"a": "opneai/gpt"}}, "'opneai'; providers are"),
        ({"providers": PROVIDERS, "models": {"a": "gpt"}}, "PROVIDER/MODEL"),
        ({"providers": PROVIDERS, "models": {"a": []}}, "at least 1"),
        ({"models": {"a\nb": "openai/x"}}, "pattern"),
        ({"budgets": [{"limit_usd": 1, "scope": "tag"}]}, "tag"),
        ({"budgets": [{"limit_usd": -1}]}, "greater than or equal to 0"),
        ({"guards": {"deny": {"none": []}}}, "denies nothing"),
        ({"retry": {"attempts": 0}}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_named(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read(**section)
    assert told in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_budgets_are_those_of_the_ledger() -> None:
    config = read(budgets=[{"limit_usd": "0.1"}, {"limit_usd": 5, "scope": "key", "window": "day"}])
    first, second = (one.budget() for one in config.budgets)
    assert first.limit_usd == Decimal("0.1")
    assert second.scope is Scope.KEY


def test_the_schema_knows_both_forms() -> None:
    found = schema(GatewayConfig)
    (model,) = found["properties"]["models"]["patternProperties"].values()
    forms = model["anyOf"]
    assert {form.get("type", "$ref") for form in forms} == {"$ref", "array", "string"}
    assert "CandidateConfig" in found["$defs"]
