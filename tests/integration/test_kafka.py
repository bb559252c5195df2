"""Kafka by two brokers that are not ours; see `kafka_brokers`."""

import time
from uuid import uuid4

import kafka_brokers
import pytest

from seatrial.adapters.events_kafka import KafkaBroker
from seatrial.events.broker import BrokerUnavailable, TopicMissing
from seatrial.testing.broker_suite import BrokerSuite, messages

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


def test_a_topic_that_is_not_there_is_told(tansu):
    with pytest.raises(TopicMissing, match="none-"):
        KafkaBroker(tansu, timeout_s=5.0).reader(f"none-{uuid4().hex}", "g")
