"""What stands beside the pods, in every form of the manifests."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

import jsonschema
import pytest

from seatrial.packaging.kubernetes import Form
from seatrial.serving.remote_config import EngineConfig
from tests.packaging.kubernetes.conftest import OWN, documents, validate

KEYS = "-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n-----END PUBLIC KEY-----\n"
FORMS = [form for form in Form if form is not Form.HELM]
"""A chart is no YAML before Helm has filled it in; `test_helm` holds it against plain."""
WORKLOADS = ("Deployment", "Rollout", "InferenceService")
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def engine(url: str, **more: Any) -> tuple[str, EngineConfig]:
    return "triton", EngineConfig(url=url, **more)


def of_kind(made: dict[str, Any], *kinds: str) -> list[Any]:
    return [document for document in made.values() if document["kind"] in kinds]


def pods(made: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Labels and specification of every pod."""
    found = []
    for document in of_kind(made, *WORKLOADS):
        if document["kind"] == "InferenceService":  # KServe hands its labels down
            found.append((document["metadata"]["labels"], document["spec"]["predictor"]))
        else:
            template = document["spec"]["template"]
            found.append((template["metadata"]["labels"], template["spec"]))
    return found


def egress(url: str, form: Form = Form.PLAIN, **more: Any) -> list[Any]:
    policies = of_kind(documents(form, engine=engine(url, **more)), "NetworkPolicy")
    ways = [policy["spec"]["egress"] for policy in policies]
    assert ways
    assert all(way == ways[0] for way in ways)
    for policy in policies:
        validate(policy)
    return list(ways[0])


@pytest.mark.parametrize("form", FORMS)
def test_every_object_of_every_form_is_valid_with_all_of_it(form: Form) -> None:
    said = {"keys": KEYS, "engine": engine("grpc://triton:8001"), "pod_monitor": {"release": "p"}}
    made = [one for one in documents(form, **said).values() if one["kind"] != "Kustomization"]
    assert {"ConfigMap", "PodMonitor", "NetworkPolicy"} <= {one["kind"] for one in made}
    for document in made:
        validate(document)


@pytest.mark.parametrize("form", FORMS)
def test_what_nothing_asks_for_is_not_there(form: Form) -> None:
    made = documents(form)
    assert not of_kind(made, "ConfigMap", "PodMonitor")
    for _, pod in pods(made):
        assert "env" not in pod["containers"][0]
        assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


@pytest.mark.parametrize("form", FORMS)
def test_every_pod_is_told_which_keys_it_trusts_and_has_them(form: Form) -> None:
    made = documents(form, keys=KEYS)
    keys = of_kind(made, "ConfigMap")[0]
    for _, pod in pods(made):
        (container,) = pod["containers"]
        (told,) = container["env"]
        assert told["name"] == "SEATRIAL_VERIFY_KEY"
        folder, _, file = told["value"].rpartition("/")
        (mount,) = (one for one in container["volumeMounts"] if one["mountPath"] == folder)
        (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
        assert mount["readOnly"] is True
        assert volume["configMap"]["name"] == keys["metadata"]["name"] == "churn-keys"
        assert keys["data"][file] == KEYS


def test_other_keys_make_other_pods() -> None:
    def said(keys: str) -> Any:
        template = documents(keys=keys)["deployment.yaml"]["spec"]["template"]
        return template["metadata"]["annotations"]["seatrial/keys"]

    assert said(KEYS) != said(KEYS + KEYS)


@pytest.mark.parametrize("form", FORMS)
def test_a_pod_monitor_finds_every_pod_by_the_port_that_it_has(form: Form) -> None:
    made = documents(form, pod_monitor={"release": "prometheus"})
    for monitor in of_kind(made, "PodMonitor"):
        jsonschema.validate(monitor, OWN["PodMonitor"])
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        (scraped,) = monitor["spec"]["podMetricsEndpoints"]
        for labels, pod in pods(made):
            assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
            ports = [port["name"] for port in pod["containers"][0]["ports"]]
            assert scraped["port"] in ports


def test_the_label_endpoint_of_our_counters_is_not_pushed_aside_by_the_operators() -> None:
    monitor = documents(pod_monitor={})["podmonitor.yaml"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["honorLabels"] is True


def test_the_schema_would_find_a_typo() -> None:
    monitor = documents(pod_monitor={})["podmonitor.yaml"]
    monitor["spec"]["podMetricsEndpoint"] = []
    with pytest.raises(jsonschema.ValidationError, match="podMetricsEndpoint"):
        jsonschema.validate(monitor, OWN["PodMonitor"])


@pytest.mark.parametrize("form", FORMS)
def test_the_way_to_an_engine_is_open_in_every_form(form: Form) -> None:
    port = {"port": 8001, "protocol": "TCP"}
    to = [{"ipBlock": {"cidr": "10.3.0.7/32"}}]
    assert egress("grpc://10.3.0.7:8001", form) == [{"to": to, "ports": [port]}]


@pytest.mark.parametrize(
    ("url", "to", "port"),
    [
        ("http://triton:8000", [{"podSelector": {}}], 8000),
        (
            "http://triton.gpu.svc.cluster.local",
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gpu"}}}],
            80,
        ),
        ("https://models.example.com", None, 443),
        ("grpcs://models.example.com", None, 443),
    ],
)
def test_a_name_needs_dns_and_opens_as_little_as_a_policy_can_say(
    url: str, to: object, port: int
) -> None:
    way, dns = egress(url)
    assert dns == DNS
    assert way["ports"] == [{"port": port, "protocol": "TCP"}]
    assert way.get("to") == to


def test_named_networks_are_all_that_is_open() -> None:
    networks = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/64"))
    way, _ = egress("https://models.example.com", cluster_networks=networks)
    assert way["to"] == [
        {"ipBlock": {"cidr": "192.0.2.0/24"}},
        {"ipBlock": {"cidr": "2001:db8::/64"}},
    ]


def test_an_address_of_version_6_is_one() -> None:
    (way,) = egress("http://[2001:db8::7]:8000")
    assert way["to"] == [{"ipBlock": {"cidr": "2001:db8::7/128"}}]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "grpc://localhost:8001", "http://[::1]"])
def test_an_engine_on_this_machine_is_none_that_a_pod_reaches(url: str) -> None:
    made = documents(engine=engine(url))
    assert made["networkpolicy.yaml"]["spec"]["egress"] == []
    assert all("env" not in pod["containers"][0] for _, pod in pods(made))
    (way, _) = egress(url, cluster_url="http://triton.gpu.svc:8000")
    assert way["ports"] == [{"port": 8000, "protocol": "TCP"}]


@pytest.mark.parametrize("form", FORMS)
def test_every_pod_is_told_where_its_engine_is(form: Form) -> None:
    more = {"repository": "/srv/models", "connections": 8, "cluster_url": "grpc://triton:8001"}
    made = documents(form, engine=engine("http://127.0.0.1:8000", **more))
    assert pods(made)
    for _, pod in pods(made):
        (told,) = pod["containers"][0]["env"]
        assert told["name"] == "SEATRIAL_ENGINES"
        (name, said) = next(iter(json.loads(told["value"]).items()))
        config = EngineConfig.model_validate(said)
        assert (name, config.url, config.repository) == ("triton", "grpc://triton:8001", None)
        assert (config.connections, config.model) == (8, "{name}-{version}")


def test_a_pod_is_told_what_its_engine_speaks_and_reaches_both_addresses_of_torchserve() -> None:
    url = "http://torchserve.gpu.svc:8085"
    own = {"protocol": "torchserve", "management": "http://127.0.0.1:8086", "cluster_url": url}
    made = documents(engine=engine("http://127.0.0.1:8085", **own))
    (_, pod) = pods(made)[0]
    told = json.loads(pod["containers"][0]["env"][0]["value"])["triton"]
    assert (told["url"], told["protocol"]) == (url, "torchserve")
    assert told["management"] == "http://torchserve.gpu.svc:8086"
    (way, _) = made["networkpolicy.yaml"]["spec"]["egress"]
    assert [port["port"] for port in way["ports"]] == [8085, 8086]
