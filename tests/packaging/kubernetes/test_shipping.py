"""Shipping over the real adapter and the double of an API server, with the files we write."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.packaging.kubernetes import Form
from seatrial.packaging.kubernetes.cluster import FieldsOwned, KindUnknown, State
from seatrial.packaging.kubernetes.shipping import (
    FORMER,
    Manifests,
    NotApplicable,
    NothingOnTrial,
    NoWayBack,
    ShippedMeanwhile,
    Shipping,
    StillGoing,
)
from tests.adapters.api_server import ApiServer, ready, running
from tests.adapters.test_cluster_kubernetes import cluster
from tests.packaging.kubernetes.conftest import texts


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(ApiServer()) as started:
        started.react = ready(started)
        yield started


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def shipping(server: ApiServer, said: list[str]) -> Shipping:
    return Shipping(
        cluster=cluster(server),
        say=lambda _mark, name, text: said.append(f"{name} {text}"),
        timeout_s=20,
    )


def made(folder: Path, form: Form, version: int, **config: Any) -> Manifests:
    """The files of a version, written and read again."""
    there = folder / str(version)
    for path, text in texts(form, version=version, **config).items():
        (there / path).parent.mkdir(parents=True, exist_ok=True)
        (there / path).write_text(text)
    return Manifests.read(there)


def version(server: ApiServer, plural: str, name: str = "churn") -> str:
    found = server.get(plural, name)
    return str(found["metadata"]["labels"]["app.kubernetes.io/version"])


def weights(server: ApiServer) -> list[int]:
    (rule,) = server.get("httproutes", "churn")["spec"]["rules"]
    return [backend["weight"] for backend in rule["backendRefs"]]


def test_plain_objects_are_replaced_and_return(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.PLAIN, n) for n in (1, 2))
    assert shipping.apply(first).state is State.READY
    assert {plural for plural, _ in server.objects} == {
        "deployments",
        "services",
        "horizontalpodautoscalers",
        "networkpolicies",
        "poddisruptionbudgets",
    }
    assert shipping.apply(second).state is State.READY
    assert version(server, "deployments") == "2"
    assert shipping.former(second) == 1
    assert shipping.roll_back(first).state is State.READY
    assert version(server, "deployments") == "1"
    with pytest.raises(NoWayBack, match="version 1"):  # never back to what was left behind
        shipping.former(first)
    with pytest.raises(NothingOnTrial, match="form plain"):
        shipping.promote(first)


def test_the_autoscalers_replicas_survive_an_apply(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    shipping.apply(made(tmp_path, Form.PLAIN, 1))
    server.own("deployments", "churn", ("spec", "replicas"), 7, "autoscaler")
    server.react = ready(server)
    shipping.apply(made(tmp_path, Form.PLAIN, 2))
    assert server.get("deployments", "churn")["spec"]["replicas"] == 7


def test_a_gateway_gets_its_weights_once_the_canary_answers(
    server: ApiServer, shipping: Shipping, said: list[str], tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.GATEWAY, n) for n in (1, 2))
    shipping.apply(first)  # nothing is there: it gets all traffic
    assert weights(server) == [1000, 0]
    assert server.names("deployments") == {"churn"}
    said.clear()
    shipping.apply(second)
    assert weights(server) == [950, 50]
    assert (version(server, "deployments"), version(server, "deployments", "churn-canary")) == (
        "1",
        "2",
    )
    ready_at = next(i for i, line in enumerate(said) if line.startswith("watch"))
    assert "HTTPRoute" in said[ready_at + 1]
    assert shipping.promote(second).state is State.READY
    assert weights(server) == [1000, 0]
    assert version(server, "deployments") == "2"
    assert server.names("deployments") == {"churn"}
    assert server.names("services") == {"churn"}
    assert shipping.former(second) == 1


def test_a_gateways_trial_is_ended_by_a_rollback(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.GATEWAY, n) for n in (1, 2))
    shipping.apply(first)
    shipping.apply(second)
    assert shipping.former(second) == 1
    shipping.roll_back(first)
    assert weights(server) == [1000, 0]
    assert server.names("deployments") == {"churn"}
    with pytest.raises(NothingOnTrial, match="is not on trial"):
        shipping.promote(second)


def test_a_canary_that_does_not_come_up_gets_no_traffic(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.GATEWAY, n) for n in (1, 2))
    shipping.apply(first)

    def stuck(plural: str, name: str) -> None:
        if name == "churn-canary" and plural == "deployments":
            why = {"type": "Progressing", "status": "False", "message": "ImagePullBackOff"}
            server.status(plural, name, observedGeneration=1, conditions=[why])

    server.react = stuck
    found = shipping.apply(second)
    assert (found.state, found.why) == (State.FAILED, "ImagePullBackOff")
    assert weights(server) == [1000, 0]


def test_kserve_gives_a_part_then_all_and_returns(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.KSERVE, n) for n in (1, 2))

    def percent() -> Any:
        return server.get("inferenceservices", "churn")["spec"]["predictor"].get(
            "canaryTrafficPercent"
        )

    shipping.apply(first)
    assert percent() is None
    shipping.apply(second)
    assert (percent(), shipping.former(second)) == (5, 1)
    shipping.promote(second)
    assert (percent(), version(server, "inferenceservices")) == (None, "2")
    assert shipping.former(second) == 1
    shipping.roll_back(first)
    assert version(server, "inferenceservices") == "1"


def test_argo_is_told_to_go_to_the_end_or_given_the_version_before(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    first, second = (made(tmp_path, Form.ARGO, n) for n in (1, 2))
    assert shipping.apply(first).state is State.READY
    held = shipping.apply(second)
    assert (held.state, held.why) == (State.HELD, "Paused, InconclusiveAnalysisRun")
    assert shipping.promote(second).state is State.READY
    assert server.get("rollouts", "churn")["status"]["promoteFull"] is True
    assert shipping.former(second) == 1
    shipping.roll_back(first)
    assert version(server, "rollouts") == "1"


def test_two_who_ship_at_once_do_not_overwrite_each_other(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    shipping.apply(made(tmp_path, Form.PLAIN, 1))

    class Raced:
        """The cluster, where somebody is faster by one version after every reading."""

        def __init__(self) -> None:
            self.there = shipping.cluster
            self.theirs: Any = made(tmp_path, Form.PLAIN, 3)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.there, name)

        def read(self, wanted: Any) -> Any:
            found = self.there.read(wanted)
            if self.theirs:
                theirs, self.theirs = self.theirs, None
                shipping.apply(theirs)
            return found

    raced: Any = Raced()
    late = Shipping(cluster=raced, say=shipping.say, timeout_s=20)
    with pytest.raises(ShippedMeanwhile, match="version 3"):
        late.apply(made(tmp_path, Form.PLAIN, 2))
    assert version(server, "deployments") == "3"


def test_a_controller_that_writes_meanwhile_is_no_conflict(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    shipping.apply(made(tmp_path, Form.PLAIN, 1))
    there, n = shipping.cluster, 2

    class Busy:
        """The cluster, whose controllers write after each of the first readings."""

        def __init__(self) -> None:
            self.left = n

        def __getattr__(self, name: str) -> Any:
            return getattr(there, name)

        def read(self, wanted: Any) -> Any:
            found = there.read(wanted)
            if self.left:
                self.left -= 1
                server.status("deployments", "churn", readyReplicas=self.left)
            return found

    busy: Any = Busy()
    Shipping(cluster=busy, say=shipping.say, timeout_s=20).apply(made(tmp_path, Form.PLAIN, 2))
    assert version(server, "deployments") == "2"


def test_fields_of_others_are_taken_only_by_force(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    shipping.apply(made(tmp_path, Form.PLAIN, 1))
    label = ("metadata", "labels", "app.kubernetes.io/managed-by")
    server.own("services", "churn", label, "Helm", "helm")
    second = made(tmp_path, Form.PLAIN, 2)
    with pytest.raises(FieldsOwned, match="helm"):
        shipping.apply(second)
    forced = Shipping(cluster=shipping.cluster, say=shipping.say, timeout_s=20, force=True)
    assert forced.apply(second).state is State.READY


def test_what_the_cluster_does_not_know_stops_it_before_the_version_changes(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    server.absent.add("argoproj.io")
    with pytest.raises(KindUnknown):
        shipping.apply(made(tmp_path, Form.ARGO, 1))
    assert not server.names("rollouts")


def test_waiting_ends_and_the_cluster_goes_on(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    server.react = None
    hasty = Shipping(cluster=shipping.cluster, say=shipping.say, timeout_s=1)
    first = made(tmp_path, Form.PLAIN, 1)
    with pytest.raises(StillGoing, match="not ready after 1 s"):
        hasty.apply(first)
    assert hasty.apply(first, wait=False).state is State.GOING
    ready(server)("deployments", "churn")
    assert hasty.watch(first).state is State.READY


def test_a_persons_own_files_are_applied_too(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    made(tmp_path, Form.PLAIN, 1)
    own = "apiVersion: v1\nkind: Service\nmetadata: {name: extra}\nspec: {ports: []}\n---\n"
    (tmp_path / "1" / "extra.yaml").write_text(own)
    shipping.apply(Manifests.read(tmp_path / "1"))
    assert "extra" in server.names("services")


@pytest.mark.parametrize("form", [Form.HELM, Form.KUSTOMIZE])
def test_what_other_tools_apply_is_left_to_them(tmp_path: Path, form: Form) -> None:
    with pytest.raises(NotApplicable, match="chart or an overlay"):
        made(tmp_path, form, 1)


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", "kind: Deployment\n", "\x00", "metadata: {name: 5}\n", "7\n"]
)
def test_a_file_that_is_no_object_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(NotApplicable, match=r"own\.yaml"):
        Manifests.read(tmp_path)


def test_an_empty_folder_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(NotApplicable, match="holds no Rollout"):
        Manifests.read(tmp_path)


def test_the_version_before_is_noted_where_it_can_be_read(
    server: ApiServer, shipping: Shipping, tmp_path: Path
) -> None:
    shipping.apply(made(tmp_path, Form.PLAIN, 1))
    for _ in range(2):  # applying the same again forgets nothing
        shipping.apply(made(tmp_path, Form.PLAIN, 2))
        assert server.get("deployments", "churn")["metadata"]["annotations"][FORMER] == "1"
