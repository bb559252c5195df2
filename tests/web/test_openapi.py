import json
from typing import Any

import jsonschema
import pytest

from seatrial.registry.signature import Signature
from seatrial.serving.routes import PATTERNS, Kind
from seatrial.testing.models import column_signature, matrix_signature
from seatrial.web.openapi import document

DOCUMENT = document([("churn", [1, 2], matrix_signature()), ("a b", [3], column_signature())])
RECORD = {"age": None, "visits": 1, "member": True, "plan": "pro", "note": "n"}


def body_schema(path: str, media: str = "application/json") -> Any:
    return DOCUMENT["paths"][path]["post"]["requestBody"]["content"][media]["schema"]


def fits(body: object, path: str) -> bool:
    return bool(jsonschema.Draft202012Validator(body_schema(path)).is_valid(body))


def test_every_route_is_described_for_every_model() -> None:
    for pattern in PATTERNS:
        names = ("churn", "a%20b") if "{model}" in pattern.path else ("",)
        for name in names:
            if (pattern.kind, name) in ((Kind.CLASSIFY, "a%20b"), (Kind.REGRESS, "churn")):
                continue  # it answers no such thing
            item = DOCUMENT["paths"][pattern.path.replace("{model}", name)]
            operation = item[pattern.method.lower()]
            assert operation["summary"]
            assert ("parameters" in operation) >= ("{version}" in pattern.path)
    json.dumps(DOCUMENT)


def test_versions_are_those_loaded() -> None:
    (version, *_) = DOCUMENT["paths"]["/v2/models/churn/versions/{version}/ready"]["get"][
        "parameters"
    ]
    assert version["schema"]["enum"] == ["1", "2"]


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("/v1/models/churn:predict", {"instances": [[1, 2.5, 3]]}, {"instances": [[1, 2]]}),
        ("/v1/models/churn:predict", {"instances": [[1, 2.5, 3]]}, {"instances": []}),
        (
            "/v1/models/a%20b:predict",
            {"instances": [list(RECORD.values())]},
            {"instances": [list((RECORD | {"plan": "gold"}).values())]},
        ),
        (
            "/v1/models/a%20b:regress",
            {"examples": [RECORD]},
            {"examples": [RECORD | {"extra": 1}]},
        ),
        (
            "/invocations",
            {"dataframe_records": [RECORD]},
            {"dataframe_records": [RECORD | {"extra": 1}]},
        ),
        (
            "/v2/models/churn/infer",
            {"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]},
            {"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2]}]},
        ),
    ],
)
def test_bodies_follow_the_signature(path: str, good: object, bad: object) -> None:
    assert fits(good, path)
    assert not fits(bad, path)


@pytest.mark.parametrize("models", [[], [("only", [1], column_signature())]])
def test_the_document_is_valid_with_any_number_of_models(
    models: list[tuple[str, list[int], Signature]],
) -> None:
    made = document(models)
    for item in made["paths"].values():
        for operation in item.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                jsonschema.Draft202012Validator.check_schema(media["schema"])
