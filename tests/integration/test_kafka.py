"""Kafka by two brokers that are not ours; see `kafka_brokers`."""

import re
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import kafka_brokers
import pytest

from seatrial.adapters.events.kafka import KafkaBroker
from seatrial.events.broker import BrokerAddressInvalid, BrokerUnavailable
from seatrial.events.envelope import read_event
from seatrial.events.requests import LabelsArrived, read_request
from seatrial.testing.broker_suite import BrokerSuite, messages, read

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def mock_cluster():
    with kafka_brokers.mock_cluster() as servers:
        yield servers


@pytest.fixture(scope="module")
def tansu(pytestconfig):
    with kafka_brokers.tansu(pytestconfig) as servers:
        yield servers


class TestOnTheMockCluster(BrokerSuite):
    @pytest.fixture
    def broker(self, mock_cluster):
        return KafkaBroker(mock_cluster)


class TestOnTansu(BrokerSuite):
    @pytest.fixture
    def broker(self, tansu):
        return KafkaBroker(tansu)

    @pytest.fixture
    def topic(self, tansu):
        topic = f"suite-{uuid4().hex}"
        kafka_brokers.made(tansu, topic)
        return topic


def test_a_broker_that_is_not_there_is_told_in_time():
    broker = KafkaBroker(f"127.0.0.1:{kafka_brokers.free_port()}", timeout_s=1.0)
    publisher = broker.publisher()
    began_s = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="not taken 1 of 1"):
        publisher.publish("t", messages("a"))
    publisher.close()
    with pytest.raises(BrokerUnavailable):
        broker.reader("t", "g")
    assert time.monotonic() - began_s < 10


def test_a_topic_that_is_not_there_is_made_where_brokers_do_so(tansu):
    topic, broker = f"none-{uuid4().hex}", KafkaBroker(tansu)
    reader = broker.reader(topic, "g")
    publisher = broker.publisher()
    publisher.publish(topic, messages("a"))
    publisher.close()
    assert len(read(reader, 1)) == 1
    reader.close()


def test_the_example_of_the_page_is_taken_in(mock_cluster):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "events.md"
    (example,) = re.findall(r"```python kafka\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    topic = f"page-{uuid4().hex}"
    own = example.replace("broker-1:9092", mock_cluster).replace("seatrial.requests", topic)
    subprocess.run([sys.executable, "-c", own], check=True, timeout=60)
    reader = KafkaBroker(mock_cluster).reader(topic, "g")
    (delivery,) = read(reader, 1)
    reader.close()
    request = read_request(read_event(delivery.body, max_bytes=10_000))
    assert request == LabelsArrived(endpoint="churn", labels=(("a3f0-4/0", "1"),))


def test_security_is_taken_by_the_client_and_what_is_wrong_with_it_is_told(tmp_path):
    options = {
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hush",
    }
    KafkaBroker("127.0.0.1:1", options=options).publisher().close()
    bad = options | {"ssl.ca.location": str(tmp_path / "none.pem")}
    with pytest.raises(BrokerAddressInvalid, match=r"ssl\.ca\.location") as caught:
        KafkaBroker("127.0.0.1:1", options=bad).publisher()
    assert "hush" not in str(caught.value)
