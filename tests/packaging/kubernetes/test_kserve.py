import jsonschema
import pytest

from seatrial.packaging.kubernetes import Form
from tests.packaging.kubernetes.conftest import OWN, documents, validate


def test_every_object_is_valid() -> None:
    for document in documents(Form.KSERVE).values():
        validate(document)


def test_the_schema_would_find_a_typo() -> None:
    service = documents(Form.KSERVE)["inferenceservice.yaml"]
    service["spec"]["predictor"]["canaryTraffic"] = 5
    with pytest.raises(jsonschema.ValidationError, match="canaryTraffic"):
        jsonschema.validate(service, OWN["InferenceService"])


def test_the_newest_revision_gets_its_share_until_it_is_promoted() -> None:
    found = documents(Form.KSERVE)
    trial = found["inferenceservice.yaml"]["spec"]["predictor"]
    assert trial.pop("canaryTrafficPercent") == 5
    assert found["promoted/inferenceservice.yaml"]["spec"]["predictor"] == trial


def test_the_container_is_the_one_kserve_looks_for() -> None:
    predictor = documents(Form.KSERVE)["inferenceservice.yaml"]["spec"]["predictor"]
    (container,) = predictor["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == "registry.example/models/churn:3"
    assert container["ports"][0]["containerPort"] == 8080
