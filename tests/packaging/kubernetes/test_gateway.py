from typing import Any

from seatrial.packaging.kubernetes import Form
from seatrial.release.rollout import Step
from tests.packaging.kubernetes.conftest import documents, validate


def made(**said: Any) -> dict[str, Any]:
    return documents(Form.GATEWAY, **said)


def weights(document: Any) -> dict[str, int]:
    (rule,) = document["spec"]["rules"]
    return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}


def test_every_object_is_valid() -> None:
    for document in made(hostname="*.models.example.com").values():
        validate(document)


def test_the_route_gives_the_canary_its_share_and_then_nothing() -> None:
    found = made()
    assert weights(found["httproute.yaml"]) == {"churn": 950, "churn-canary": 50}
    assert weights(found["promoted/httproute.yaml"]) == {"churn": 1000, "churn-canary": 0}
    little = made(steps=(Step(share=0.004, watch_s=1),))
    assert weights(little["httproute.yaml"]) == {"churn": 996, "churn-canary": 4}


def test_canary_and_stable_never_answer_for_each_other() -> None:
    found = made()
    canary = found["deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    stable = found["promoted/deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    to_canary = found["service.yaml"]["spec"]["selector"]
    to_stable = found["promoted/service.yaml"]["spec"]["selector"]
    assert to_canary.items() <= canary.items()
    assert not to_canary.items() <= stable.items()
    assert to_stable.items() <= stable.items()
    assert not to_stable.items() <= canary.items()


def test_the_network_policy_holds_for_both() -> None:
    found = made()
    selected = found["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"]
    for path in ("deployment.yaml", "promoted/deployment.yaml"):
        assert selected.items() <= found[path]["spec"]["template"]["metadata"]["labels"].items()


def test_the_route_is_the_gateways_and_answers_to_the_host() -> None:
    spec = made(hostname="models.example.com")["httproute.yaml"]["spec"]
    assert spec["parentRefs"] == [{"name": "public", "namespace": "edge"}]
    assert spec["hostnames"] == ["models.example.com"]
    bare = made(gateway="public")["httproute.yaml"]["spec"]
    assert bare["parentRefs"] == [{"name": "public"}]
    assert "hostnames" not in bare
