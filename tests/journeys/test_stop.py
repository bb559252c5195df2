"""The end in good order: nothing that was measured is lost, whoever still holds a connection."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from seatrial.release.evidence import Evidence

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HANG = 1002.0
N_IDLE = 5


def test_a_stop_waits_neither_for_idle_connections_nor_for_a_call_that_hangs(
    home: Any, bundles: Any, lab: Any
) -> None:
    home.configure(server={"deadline_s": 300.0})
    version = home.in_production(bundles.native("obeys"))
    revision = home.desk.state(lab.NAME).target_revision
    up = home.up("--workers", "1")
    lab.until("the worker", lambda: home.settled(1))
    address = ("127.0.0.1", up.port)
    idle = [socket.create_connection(address, timeout=60) for _ in range(N_IDLE)]
    hanging = socket.create_connection(address, timeout=60)
    for connection in idle:
        connection.sendall(lab.ask(lab.ROWS[0]))
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    hanging.sendall(lab.ask([HANG, 3, 4, 1]))

    assert up.stop() == 0

    assert home.store.present("worker/") == [], "a worker was killed before it could say goodbye"
    evidence = Evidence(home.store, lab.NAME)
    evidence.refresh()
    assert evidence.of(version, revision=revision).n >= N_IDLE
    for connection in (*idle, hanging):
        with connection:
            while connection.recv(4096):
                pass
    lab.until("every process ended", up.gone)


def test_a_worker_that_was_told_to_stop_hands_in_what_it_measured_last(
    home: Any, bundles: Any, lab: Any
) -> None:
    version = home.in_production(bundles.onnx())
    revision = home.desk.state(lab.NAME).target_revision
    up = home.up("--workers", "2")
    lab.until("both workers", lambda: home.settled(2))
    with lab.Traffic(up.port, n_clients=4) as traffic:
        lab.until("answers", lambda: len(traffic.asked) > 300)
    assert traffic.bad() == []
    assert up.stop() == 0
    evidence = Evidence(home.store, lab.NAME)
    evidence.refresh()
    assert evidence.of(version, revision=revision).n == len(traffic.asked)
