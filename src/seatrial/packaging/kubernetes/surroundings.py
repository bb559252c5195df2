"""What stands beside the pods of a version: who reaches whom, who is trusted, who reads metrics."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from seatrial.packaging.dockerfile import KEYS_FILE, PORT
from seatrial.packaging.kubernetes.objects import Object, Shipped
from seatrial.serving.remote_config import EngineConfig

_DNS: Object = {"ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}
"""Wherever it goes: the caches that nodes have are no pods that could be selected."""


def surroundings(shipped: Shipped) -> dict[str, Object]:
    """The objects by file name; those that nothing asks for are left out."""
    made = {"networkpolicy.yaml": network_policy(shipped)}
    if shipped.keys is not None:
        made["configmap.yaml"] = trusted_keys(shipped, shipped.keys)
    if shipped.config.pod_monitor is not None:
        made["podmonitor.yaml"] = pod_monitor(shipped, shipped.config.pod_monitor)
    return made


def network_policy(shipped: Shipped) -> Object:
    """Requests come in; nothing goes out but what an engine elsewhere is asked."""
    # A bundle brings everything it needs: nothing it holds has a reason to call out.
    return shipped.object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "podSelector": {"matchLabels": shipped.whose},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": PORT, "protocol": "TCP"}]}],
            "egress": [] if shipped.engine is None else _way_to(shipped.engine[1]),
        },
    )


def trusted_keys(shipped: Shipped, keys: str) -> Object:
    """The public keys that a pod asks its bundle's signature of."""
    content: Object = {KEYS_FILE: keys}
    return shipped.object("v1", "ConfigMap", content, called=shipped.keys_called, field="data")


def pod_monitor(shipped: Shipped, labels: dict[str, str]) -> Object:
    """Has the Prometheus Operator scrape every pod of the model.

    Args: labels: by which a Prometheus selects the monitors that it reads.
    """
    # The operator's own label `endpoint` would push that of our counters aside.
    scraped = {"port": "http", "path": "/metrics", "honorLabels": True}
    made = shipped.object(
        "monitoring.coreos.com/v1",
        "PodMonitor",
        {"selector": {"matchLabels": shipped.whose}, "podMetricsEndpoints": [scraped]},
    )
    meta = made["metadata"]
    assert isinstance(meta, dict)
    meta["labels"] = {**labels, **shipped.labels}
    return made


def _way_to(config: EngineConfig) -> list[Object]:
    """To the engine's port at its address, and to DNS where that is a name."""
    if config.of_pods is None:
        return []
    host = urlsplit(config.of_pods).hostname or ""
    peers = _networks(config) or _inside(host)
    ports = [{"port": port, "protocol": "TCP"} for port in config.ports_of_pods]
    rule: Object = {"ports": ports}
    if peers:
        rule = {"to": peers, **rule}
    return [rule] if _is_address(host) else [rule, _DNS]


def _networks(config: EngineConfig) -> list[Object]:
    """Those that are configured, or the one address that the engine has."""
    named = [str(network) for network in config.cluster_networks]
    host = urlsplit(config.of_pods or "").hostname or ""
    if not named and _is_address(host):
        named = [f"{host}/{ip_address(host).max_prefixlen}"]
    return [{"ipBlock": {"cidr": cidr}} for cidr in named]


def _inside(host: str) -> list[Object]:
    """The pods of a Service's namespace; none that can be told where a name leads out of here."""
    service, *rest = host.split(".")
    if service and not rest:
        return [{"podSelector": {}}]
    if len(rest) >= 2 and rest[1] == "svc":
        return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": rest[0]}}}]
    return []


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
