"""The section `registry`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seatrial.training.following.config import FollowedConfig, RegistryConfig


def test_a_model_is_released_to_the_endpoint_of_its_name() -> None:
    config = RegistryConfig.model_validate(
        {"models": {"Credit Risk": {}, "churn": {"endpoint": "other", "event": "alias:champion"}}}
    )
    assert config.endpoint_of("Credit Risk") == "credit-risk"
    assert config.endpoint_of("churn") == "other"
    assert config.of("churn").alias == "champion"
    assert config.of("Credit Risk").alias is None
    assert config.of("nobody") == FollowedConfig()


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"a": {"endpoint": "x"}, "b": {"endpoint": "x"}}, "both released to 'x'"),
        ({"Churn": {}, "churn": {}}, "both released to 'churn'"),
        ({"it's": {}}, "no name of a registered model"),
        ({"a/b": {}}, "no name of a registered model"),
        ({"a": {"event": "alias:"}}, "pattern"),
        ({"a": {"event": "every"}}, "pattern"),
        ({"a": {"endpoint": "A B"}}, "pattern"),
        ({"a": {"holdoot": "x.csv"}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_followed_is_told(models: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RegistryConfig.model_validate({"models": models})
