from __future__ import annotations

import pytest

from seatrial.kernel.config import ConfigInvalid, validated
from seatrial.serving.remote_config import EngineConfig


def config(**given: object) -> EngineConfig:
    return validated(EngineConfig, {"url": "http://triton:8000", **given}, "test")


def test_models_are_named_after_their_version_or_as_they_are_told() -> None:
    assert config().model_of("churn", 2, "ab") == "churn-2"
    assert config(model="team-{digest}").model_of("churn", 2, "ab") == "team-ab"
    assert config(model="churn").model_of("churn", 2, "ab") == "churn"


@pytest.mark.parametrize(
    "url",
    ["triton:8000", "ftp://triton", "http://", "http://user:pass@triton", "http://t?x=1", "", "x"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="url"):
        config(url=url)


@pytest.mark.parametrize("model", ["", "{endpoint}", "{name", "{}", "{0}", "{name.x}"])
def test_a_name_with_an_unknown_part_is_refused(model: str) -> None:
    with pytest.raises(ConfigInvalid, match="model"):
        config(model=model)


@pytest.mark.parametrize("model", ["a/{name}", "../{name}", ".{name}"])
def test_a_model_of_a_repository_is_one_folder_of_it(model: str) -> None:
    assert config(model=model).model_of("churn", 1, "d")
    with pytest.raises(ConfigInvalid, match="slash"):
        config(model=model, repository="/srv/models")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"protocol": "torchserve"}, "needs management"),
        ({"management": "http://h:8086"}, "set protocol to torchserve"),
        ({"protocol": "torchserve", "management": "h:8086"}, "a host"),
        ({"protocol": "torchserve", "management": "grpc://h:8086"}, "http or https"),
    ],
)
def test_torchserve_has_two_addresses(given: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigInvalid, match=word):
        config(**given)


def test_tensorflow_serving_has_no_repository_and_names_versions() -> None:
    made = config(protocol="tensorflow-serving", model="{name}/{version}")
    assert made.model_of("churn", 2, "ab") == "churn/2"
    with pytest.raises(ConfigInvalid, match="--to tf-serving"):
        config(protocol="tensorflow-serving", repository="/srv/models")
