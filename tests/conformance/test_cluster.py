"""The cluster against the suite that defines one, over a double of the API server."""

from collections.abc import Iterator

import pytest

from seatrial.adapters.cluster_kubernetes import KubernetesCluster
from seatrial.packaging.kubernetes.cluster import Which
from seatrial.testing import ClusterSuite
from tests.adapters.api_server import KINDS, ApiServer, running
from tests.adapters.test_cluster_kubernetes import cluster as connected


def plural(wanted: Which) -> str:
    group, _, version = wanted.api.rpartition("/")
    return KINDS[group, version][wanted.kind]


class TestKubernetesCluster(ClusterSuite):
    @pytest.fixture
    def cluster(self) -> Iterator[KubernetesCluster]:
        with running(ApiServer()) as self.server:
            yield connected(self.server)

    def set_by_another(self, wanted: Which, where: tuple[str, ...], value: object) -> None:
        self.server.own(plural(wanted), wanted.name, where, value, "autoscaler")

    def write_status(self, wanted: Which, **status: object) -> None:
        self.server.status(plural(wanted), wanted.name, **status)
