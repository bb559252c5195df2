import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from seatrial.packaging.compose import render
from seatrial.packaging.sizing import size
from seatrial.serving.remote_config import EngineConfig

KEYS = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"


@pytest.fixture(scope="module")
def schema() -> Any:
    """The compose specification's own schema, as check-jsonschema ships it."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / "compose-spec.json").read_text())


@pytest.mark.parametrize("name", ["churn", "on", "y", "null"])
def test_the_compose_specification_accepts_it(schema: Any, name: str) -> None:
    document = yaml.safe_load(render(name=name, version=3, resources=size(None)))
    jsonschema.validate(document, schema)
    assert document["name"] == name
    assert document["services"]["model"]["image"] == f"{name}:3"


def test_the_specification_would_find_a_typo(schema: Any) -> None:
    document = yaml.safe_load(render(name="churn", version=3, resources=size(None)))
    document["services"]["model"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        jsonschema.validate(document, schema)


def test_the_container_is_reachable_from_this_machine_only_and_can_change_nothing() -> None:
    model = yaml.safe_load(render(name="churn", version=3, resources=size(None)))["services"][
        "model"
    ]
    assert model["ports"] == ["127.0.0.1:8080:8080"]
    assert model["read_only"] is True
    assert model["cap_drop"] == ["ALL"]
    assert model["user"] == "10001:10001"


def service(schema: Any, **told: Any) -> Any:
    document = yaml.safe_load(render(name="churn", version=3, resources=size(None), **told))
    jsonschema.validate(document, schema)
    return document["services"]["model"]


def test_a_container_that_needs_to_be_told_nothing_is_told_nothing(schema: Any) -> None:
    assert not {"environment", "volumes", "labels", "extra_hosts"} & service(schema).keys()


def test_a_container_trusts_the_keys_that_lie_beside_the_file(schema: Any) -> None:
    model = service(schema, keys=KEYS)
    source, target, mode = model["volumes"][0].split(":")
    assert (source, mode) == ("./keys.pem", "ro")
    assert model["environment"] == {"SEATRIAL_VERIFY_KEY": target}


def test_other_keys_make_another_container(schema: Any) -> None:
    labels = [service(schema, keys=keys)["labels"] for keys in (KEYS, KEYS + KEYS)]
    assert labels[0] != labels[1]


def told_of(schema: Any, **config: Any) -> tuple[Any, Any]:
    model = service(schema, engine=("gpu", EngineConfig(**config)))
    return model, json.loads(model["environment"]["SEATRIAL_ENGINES"].replace("$$", "$"))["gpu"]


def test_a_container_is_told_where_its_engine_is(schema: Any) -> None:
    url = "grpc://triton.example:8001"
    model, told = told_of(schema, url=url, model="a$B-{version}", cluster_url="http://in-cluster")
    assert (told["url"], told["model"]) == (url, "a$B-{version}")
    assert "extra_hosts" not in model
    assert "a$$B" in model["environment"]["SEATRIAL_ENGINES"]  # else compose looks up B


def test_an_engine_on_this_machine_is_asked_by_the_name_containers_have_for_it(schema: Any) -> None:
    model, told = told_of(
        schema,
        url="http://127.0.0.1:8085",
        protocol="torchserve",
        management="http://[::1]:8086",
        repository="/srv/store",
    )
    assert EngineConfig(**told) == EngineConfig(
        url="http://host.docker.internal:8085",
        protocol="torchserve",
        management="http://host.docker.internal:8086",
    )
    assert model["extra_hosts"] == ["host.docker.internal:host-gateway"]
    text = render(
        name="churn",
        version=3,
        resources=size(None),
        engine=("gpu", EngineConfig(url="http://localhost:8000")),
    )
    assert "# The engine gpu is asked at http://host.docker.internal:8000: it must listen" in text
