import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from seatrial.packaging.compose import render
from seatrial.packaging.sizing import size


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
