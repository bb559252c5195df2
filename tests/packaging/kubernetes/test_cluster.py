from typing import Any

import pytest

from seatrial.packaging.kubernetes.cluster import State, standing


def seen(kind: str, status: dict[str, Any], *, replicas: int = 2, generation: int = 3) -> State:
    spec = {"replicas": replicas, "strategy": {"canary": {"steps": [1, 2, 3, 4]}}}
    document = {"kind": kind, "metadata": {"generation": generation}, "spec": spec}
    return standing({**document, "status": {"observedGeneration": generation, **status}}).state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, State.READY),
        ({"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}, State.GOING),
        ({"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}, State.GOING),
        ({"replicas": 2, "updatedReplicas": 1, "availableReplicas": 2}, State.GOING),
        ({"replicas": 2, "updatedReplicas": None}, State.GOING),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2}, State.GOING),
        (
            {"conditions": [{"type": "Progressing", "status": "False", "message": "too slow"}]},
            State.FAILED,
        ),
    ],
)
def test_a_deployment_is_ready_once_every_replica_is_new_and_available(
    status: dict[str, Any], state: State
) -> None:
    assert seen("Deployment", status) is state


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("Healthy", State.READY),
        ("Progressing", State.GOING),
        ("Paused", State.HELD),
        ("Degraded", State.FAILED),
        ("SomethingNew", State.GOING),
    ],
)
def test_a_rollout_is_where_argo_says_it_is(phase: str, state: State) -> None:
    # Argo writes the generation it has seen as a text.
    assert seen("Rollout", {"phase": phase, "observedGeneration": "3"}) is state


def test_a_rollout_says_its_step_and_why() -> None:
    status = {"phase": "Paused", "currentStepIndex": 1, "message": "InconclusiveAnalysisRun"}
    document = {
        "kind": "Rollout",
        "metadata": {},
        "spec": {"strategy": {"canary": {"steps": [1, 2]}}},
        "status": status,
    }
    assert standing(document).why == "Paused, step 1 of 2, InconclusiveAnalysisRun"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"conditions": [{"type": "Ready", "status": "True"}]}, State.READY),
        ({"conditions": [{"type": "Ready", "status": "False", "reason": "x"}]}, State.GOING),
        ({}, State.GOING),
        ({"modelStatus": {"transitionStatus": "BlockedByFailedLoad"}}, State.FAILED),
    ],
)
def test_an_inference_service_is_ready_when_it_says_so(
    status: dict[str, Any], state: State
) -> None:
    assert seen("InferenceService", status) is state


def test_what_is_gone_has_failed_and_what_has_no_life_is_ready() -> None:
    assert standing(None).state is State.FAILED
    assert seen("Service", {}) is State.READY
