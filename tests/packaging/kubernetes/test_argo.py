from typing import Any

import pytest

from seatrial.kernel.duration import parse_duration
from seatrial.packaging.kubernetes import Form
from seatrial.packaging.kubernetes.argo import template
from seatrial.release.rollout import Step
from tests.packaging.kubernetes.conftest import documents, shipped, validate


def made(**said: Any) -> dict[str, Any]:
    return documents(Form.ARGO, **said)


def steps(**said: Any) -> Any:
    return made(**said)["rollout.yaml"]["spec"]["strategy"]["canary"]["steps"]


@pytest.mark.parametrize("gateway", [None, "edge/public"])
def test_every_object_is_valid(gateway: str | None) -> None:
    found = made(gateway=gateway)
    for document in found.values():
        validate(document)
    assert {d["kind"] for d in found.values()} >= {"Rollout", "AnalysisTemplate", "Service"}
    assert "deployment.yaml" not in found


def test_the_autoscaler_scales_the_rollout() -> None:
    target = made()["hpa.yaml"]["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "churn"}


def test_every_step_ends_with_a_verdict_on_all_that_was_watched() -> None:
    first, judged, second, judged_again = steps()
    assert (first, second) == ({"setWeight": 5}, {"setWeight": 25})
    said = [
        {arg["name"]: arg["value"] for arg in step["analysis"]["args"]}
        for step in (judged, judged_again)
    ]
    assert said == [
        {"version": "3", "watch": "3600s", "looks": "300"},
        {"version": "3", "watch": "10800s", "looks": "360"},
    ]


def test_a_watch_of_weeks_is_one_that_the_judge_can_read() -> None:
    (_, judged) = steps(steps=(Step(share=0.5, watch_s=40 * 86_400.0),))
    (watch,) = (arg["value"] for arg in judged["analysis"]["args"] if arg["name"] == "watch")
    assert parse_duration(watch) == 40 * 86_400


def test_a_step_without_answers_of_the_canary_is_left_out() -> None:
    shadow = Step(share=0.0, watch_s=60, shadow=0.5)
    assert len(steps(steps=(shadow, Step(share=0.001, watch_s=60)))) == 2
    assert steps(steps=(Step(share=0.001, watch_s=60),))[0] == {"setWeight": 1}


def test_the_arguments_of_a_step_are_those_the_template_takes() -> None:
    spec = template(shipped(Form.ARGO))["spec"]
    assert isinstance(spec, dict)
    taken = {arg["name"] for arg in spec["args"] if "valueFrom" not in arg}
    for step in steps()[1::2]:
        assert {arg["name"] for arg in step["analysis"]["args"]} == taken
    text = str(spec["metrics"])
    assert all(f"{{{{args.{name}}}}}" in text for name in {*taken, "token"})


def test_argo_never_takes_looks_that_said_nothing_for_success() -> None:
    (metric,) = made()["analysistemplate.yaml"]["spec"]["metrics"]
    assert "count" not in metric  # reached, it would be success however many were inconclusive
    assert (metric["failureLimit"], metric["consecutiveSuccessLimit"]) == (0, 1)


def test_a_gateway_splits_by_weight_and_both_services_find_the_pods() -> None:
    found = made()
    canary = found["rollout.yaml"]["spec"]["strategy"]["canary"]
    plugin = canary["trafficRouting"]["plugins"]["argoproj-labs/gatewayAPI"]
    assert plugin == {"httpRoute": "churn", "namespace": "models"}
    backends = found["httproute.yaml"]["spec"]["rules"][0]["backendRefs"]
    assert [b["name"] for b in backends] == [canary["stableService"], canary["canaryService"]]
    services = [found[f"service{part}.yaml"] for part in ("", "-canary")]
    assert [s["metadata"]["name"] for s in services] == ["churn", "churn-canary"]
    labels = found["rollout.yaml"]["spec"]["template"]["metadata"]["labels"]
    for service in services:
        assert service["spec"]["selector"].items() <= labels.items()
