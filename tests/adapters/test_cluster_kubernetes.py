"""What the adapter says and asks besides what every cluster does: conflicts, watches that are lost.

What every cluster does is in `conformance/test_cluster.py`.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import kubernetes.client
import pytest

from seatrial.adapters.cluster_kubernetes import ClusterUnknown, KubernetesCluster, connect
from seatrial.packaging.kubernetes.cluster import (
    ClusterDenied,
    ClusterRefused,
    ClusterUnavailable,
    FieldsOwned,
    KindUnknown,
    Which,
)
from tests.adapters.api_server import TOKEN, ApiServer, running

NAME = Which(api="apps/v1", kind="Deployment", name="churn", namespace="models")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(ApiServer()) as started:
        yield started


def cluster(server: ApiServer, *, token: str = TOKEN, **more: Any) -> KubernetesCluster:
    configuration = kubernetes.client.Configuration(host=server.url)
    configuration.api_key["authorization"] = f"Bearer {token}"
    configuration.retries = 0
    client = kubernetes.client.ApiClient(configuration)
    return KubernetesCluster(client, namespace="models", **{"sleep": lambda _s: None, **more})


def deployment(image: str = "churn:3", **meta: Any) -> dict[str, Any]:
    container = {"name": "model", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "churn", "labels": {"app": "churn"}, **meta},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_fields_are_checked_and_applied_under_our_name(server: ApiServer) -> None:
    cluster(server).apply(deployment(), force=False)
    query = server.queries[-1]
    assert query == {"fieldManager": "seatrial", "force": "false", "fieldValidation": "Strict"}
    assert set(server.owners["deployments", "churn"].values()) == {"seatrial"}


def test_whoever_owns_a_field_is_named(server: ApiServer) -> None:
    there = cluster(server)
    there.apply(deployment(), force=False)
    server.own("deployments", "churn", ("metadata", "labels", "app"), "theirs", "argocd")
    with pytest.raises(FieldsOwned, match="argocd") as refused:
        there.apply(deployment(), force=False)
    assert "--force" in refused.value.remedy


def test_a_kind_that_is_not_installed_says_what_to_install(server: ApiServer) -> None:
    server.absent.add("argoproj.io")
    rollout = Which(api="argoproj.io/v1alpha1", kind="Rollout", name="churn")
    with pytest.raises(KindUnknown, match=r"no Rollout of argoproj\.io") as unknown:
        cluster(server).read(rollout)
    assert "Argo Rollouts" in unknown.value.remedy


def test_rights_and_mistakes_are_told_apart(server: ApiServer) -> None:
    with pytest.raises(ClusterDenied, match="Unauthorized"):
        cluster(server, token="wrong").read(NAME)
    server.denied.add(("patch", "deployments"))
    with pytest.raises(ClusterDenied, match="cannot patch deployments"):
        cluster(server).apply(deployment(), force=False)
    server.denied.clear()
    with pytest.raises(ClusterRefused, match="spec: Required value"):
        cluster(server).apply({**deployment(), "spec": None}, force=False)
    elsewhere = {**deployment(namespace="nowhere")}
    with pytest.raises(ClusterRefused, match="not found"):
        cluster(server).apply(elsewhere, force=False)


def test_nobody_there_is_said(server: ApiServer) -> None:
    nobody = ApiServer(url="http://127.0.0.1:9")
    with pytest.raises(ClusterUnavailable, match="does not answer"):
        cluster(nobody).read(NAME)


def told(
    server: ApiServer, *, n: int, after: Callable[[int], None] = lambda _n: None, **more: Any
) -> list[int]:
    """The replicas that a watch tells of while a controller writes 1 to n of them, one by one.

    Args: after: called after each of them was written.
    """

    def write() -> None:
        for replicas in range(1, n + 1):
            server.status("deployments", "churn", replicas=replicas)
            after(replicas)

    writer = threading.Thread(target=write)
    found = []
    for document in cluster(server, **more).watch(NAME, timeout_s=20):
        assert document is not None
        status: Any = document.get("status", {})
        found.append(int(status.get("replicas", 0)))
        if len(found) == 1:
            writer.start()
        if found[-1] == n:
            writer.join()
            return found
    raise AssertionError(f"the time was over after {found}")


@pytest.fixture
def deployed(server: ApiServer) -> ApiServer:
    cluster(server).apply(deployment(), force=False)
    return server


def test_a_watch_goes_on_where_its_connection_was_lost(deployed: ApiServer) -> None:
    deployed.cut_after = 1
    assert told(deployed, n=4) == [0, 1, 2, 3, 4]
    assert sum("watch" in query for query in deployed.queries) >= 4


def test_a_watch_reads_anew_where_the_server_has_forgotten_its_place(deployed: ApiServer) -> None:
    deployed.cut_after = 1
    found = told(deployed, n=3, after=lambda n: deployed.forget() if n == 2 else None)
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 3)


def test_a_watch_outlasts_a_server_that_is_away(deployed: ApiServer) -> None:
    waited: list[float] = []

    def away(n: int) -> None:
        if n == 1:
            deployed.lose = 2

    deployed.cut_after = 1
    assert told(deployed, n=3, after=away, sleep=waited.append)[-1] == 3
    assert deployed.lose == 0
    assert waited
    assert all(0 < seconds <= 0.5 for seconds in waited)


def test_a_watch_gives_up_a_connection_that_has_died_without_a_word(
    deployed: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.adapters.cluster_kubernetes._WATCH_S", 0.1)
    monkeypatch.setattr("seatrial.adapters.cluster_kubernetes._TIMEOUT_S", (5.0, 0.2))
    deployed.mute = True

    def speak(_s: float) -> None:
        deployed.mute = False

    assert told(deployed, n=2, sleep=speak)[-1] == 2
    assert sum("watch" in query for query in deployed.queries) >= 2


def test_a_watch_ends_when_its_time_is_over(server: ApiServer) -> None:
    there = cluster(server, now=iter([0.0, 0.0, 1e9]).__next__)
    there.apply(deployment(), force=False)
    assert len(list(there.watch(NAME, timeout_s=1))) == 1


def test_without_a_kubeconfig_it_says_what_to_set(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none")
    )
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterUnknown, match="current context") as unknown:
        connect(None, namespace=None)
    assert "KUBECONFIG" in unknown.value.remedy
