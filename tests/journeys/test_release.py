"""A whole life of an endpoint on real processes: promoted, improved, two versions refused, back."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class Shell:
    """The command line over a home folder."""

    def __init__(self, home: Any) -> None:
        self._options = ["--json", "--home", str(home.folder), "--config", str(home.config)]

    def __call__(self, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", *words, *self._options],
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)


def test_a_first_version_a_better_one_a_failing_one_a_slow_one_and_the_way_back(
    home: Any, bundles: Any, lab: Any
) -> None:
    shell = Shell(home)
    up = home.up("--workers", "2")

    first = home.release(bundles.onnx(1.0))
    home.reach("promoted")
    lab.until("both workers", lambda: home.settled(2))
    some = [
        *lab.PLAIN,
        *(lab.ask([12, 3, 4, 1], key=f"fails-{i}") for i in range(24)),
        *(lab.ask([1005, 3, 4, 1], key=f"slow-{i}") for i in range(24)),
    ]
    # In order, a busy machine would ask a hundred easy ones in a row: evidence that it is fast.
    random.Random(7).shuffle(some)
    with lab.Traffic(up.port, some, n_clients=8) as traffic:
        second = home.release(bundles.onnx(10.0))
        home.reach("promoted")
        assert home.desk.state(lab.NAME).stable == second

        failing = home.release(bundles.native("fails"))
        home.reach("aborted")
        lab.until("nobody meets it", lambda: home.settled(2))
        met = [a for a in traffic.asked if a.version == failing]
        assert any(a.status == 500 for a in met)
        # One in ten fails, and the limit is 2 %: few need to meet it.
        assert sum(a.status != 200 for a in met) < 0.01 * len(traffic.asked)

        slow = home.release(bundles.native("slows"))
        home.reach("aborted")
        lab.until("nobody meets it", lambda: home.settled(2))
    assert {a.status for a in traffic.asked if a.version in (first, second)} == {200}
    assert {a.status for a in traffic.asked if a.version == slow} <= {200, 504}
    assert None not in {a.status for a in traffic.asked}

    assert shell("status", lab.NAME)["stable"] == second
    back = shell("rollback", lab.NAME, "--reason", "a hunch")
    assert back["stable"] == first
    lab.until("both workers", lambda: home.settled(2))
    kinds = [fact["kind"] for fact in shell("history", lab.NAME)]
    assert kinds.count("release.promoted") == 2
    assert kinds.count("release.aborted") == 2
    assert kinds[-1] == "endpoint.rolled_back"

    home.release(bundles.onnx(100.0))
    home.reach("canary")
    assert shell("promote", lab.NAME, "--reason", "in a hurry")["stable"] == slow + 1

    assert up.stop() == 0
    lab.until("every process ended", up.gone)
