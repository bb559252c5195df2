"""Metrics over HTTP on loopback."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from seatrial.adapters.telemetry.metrics_port import MetricsPort, MetricsPortTaken


def test_the_text_of_the_moment_is_answered() -> None:
    texts = iter(["a 1\n", "a 2\n"])
    port = MetricsPort(0, lambda: next(texts))
    try:
        assert port.address.startswith("http://127.0.0.1:")
        for expected in (b"a 1\n", b"a 2\n"):
            with urllib.request.urlopen(port.address) as reply:
                assert reply.read() == expected
                assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(port.address.replace("/metrics", "/other"))
        assert missing.value.code == 404
        missing.value.close()
    finally:
        port.close()


def test_a_taken_port_is_named() -> None:
    port = MetricsPort(0, str)
    try:
        number = int(port.address.split(":")[2].partition("/")[0])
        with pytest.raises(MetricsPortTaken, match=str(number)):
            MetricsPort(number, str)
    finally:
        port.close()
