import re
from typing import Any

import yaml

from seatrial.packaging.kubernetes import Form
from seatrial.serving.remote_config import EngineConfig
from tests.packaging.kubernetes.conftest import documents, texts, validate

_EITHER = re.compile(r"\{\{ if kindIs `string` \S+ \}\}(.*?)\{\{ else \}\}.*?\{\{ end \}\}")
_VALUE = re.compile(r"\{\{ ?\.Values\.([a-z.]+)(?: \| int)? ?\}\}")


def filled(chart: dict[str, str], values: Any) -> dict[str, Any]:
    """What Helm makes of templates that hold nothing but values, and a tag that is a text."""

    def value(found: re.Match[str]) -> str:
        here = values
        for key in found[1].split("."):
            here = here[key]
        return str(here)

    rendered = {
        path.removeprefix("templates/"): _VALUE.sub(value, _EITHER.sub(r"\1", text))
        for path, text in chart.items()
        if path.startswith("templates/")
    }
    assert not any("{{" in text for text in rendered.values())
    return {path: yaml.safe_load(text) for path, text in rendered.items()}


def test_with_its_own_values_the_chart_is_the_plain_objects() -> None:
    chart = dict(texts(Form.HELM))
    made = filled(chart, yaml.safe_load(chart["values.yaml"]))
    assert made == documents(Form.PLAIN, namespace=None)
    for document in made.values():
        validate(document)


def test_keys_a_monitor_and_an_engine_come_through_the_chart() -> None:
    said = {
        "keys": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
        "pod_monitor": {"release": "prometheus"},
        "engine": ("triton", EngineConfig(url="http://triton:8000")),
        "namespace": None,
    }
    chart = dict(texts(Form.HELM, **said))
    made = filled(chart, yaml.safe_load(chart["values.yaml"]))
    assert made == documents(Form.PLAIN, **said)
    assert made["configmap.yaml"]["data"]["keys.pem"] == said["keys"]
    for document in made.values():
        validate(document)


def test_other_values_reach_the_objects() -> None:
    values = {
        "image": {"repository": "mirror.example/churn", "tag": "3-hardened"},
        "replicas": {"min": 4, "max": 40},
        "resources": {"cpu": "2", "memory": "1Gi"},
    }
    made = filled(dict(texts(Form.HELM)), values)
    container = made["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "mirror.example/churn:3-hardened"
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert made["hpa.yaml"]["spec"]["minReplicas"] == 4
    for document in made.values():
        validate(document)


def test_the_charts_version_is_a_semantic_one() -> None:
    chart = yaml.safe_load(texts(Form.HELM, version=12)["Chart.yaml"])
    assert chart["version"] == "12.0.0"
    assert chart["appVersion"] == "12"
    assert chart["apiVersion"] == "v2"
