"""Listening sockets."""

from __future__ import annotations

import pytest

from seatrial.wiring.listening import PortTaken, listen


def test_port_zero_takes_a_free_one_and_children_inherit_it() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert listening.getsockname()[1] > 0
        assert listening.get_inheritable()


def test_a_port_in_use_is_said_with_its_number() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=str(port)) as taken:
            listen("127.0.0.1", port)
    assert "--port" in taken.value.remedy


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PortTaken, match=r"no-such-host\.invalid"):
        listen("no-such-host.invalid", 0)
