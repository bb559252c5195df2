"""A server that asks for signatures: what nobody trusted signed is never served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.packaging.http import Connection
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing_file import signature_path
from seatrial.wiring.deploying.trust import sign_bundle

pytestmark = pytest.mark.integration


def shelved(home: Any, bundle: Bundle) -> Bundle:
    """The copy that the server loads, put there before its release begins."""
    home.publish(bundle)
    return Bundle.open(home.folder / "bundles" / bundle.digest)


def signed(home: Any, bundle: Bundle, key: Path) -> Bundle:
    copy = shelved(home, bundle)
    sign_bundle(copy, key, signature_path(copy.path))
    return bundle


def answered_by(lab: Any, port: int) -> tuple[int, str | None]:
    async def once() -> tuple[int, str | None]:
        async with Connection("127.0.0.1", port, timeout_s=30.0) as connection:
            answer = await connection.send(lab.PLAIN[0])
            return answer.status, answer.headers.get("x-seatrial-version")

    return asyncio.run(once())


def test_unsigned_and_foreign_versions_abort_stable_stays_and_a_signed_one_is_promoted(
    home: Any, bundles: Any, lab: Any, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours.key", tmp_path / "theirs.key"
    write_new_key(ours)
    write_new_key(theirs)
    whole = yaml.safe_load(home.config.read_text())
    home.configure(server={**whole["server"], "verify_key": str(ours) + ".pub"})

    first = home.in_production(signed(home, bundles.onnx(1.0), ours))
    up = home.up()
    lab.until("stable", lambda: home.settled(1))

    unsigned = bundles.onnx(2.0)
    foreign = signed(home, bundles.onnx(3.0), theirs)
    of_another = bundles.onnx(4.0)
    copied = signature_path(home.folder / "bundles" / bundles.onnx(1.0).digest).read_bytes()
    signature_path(shelved(home, of_another).path).write_bytes(copied)
    for refused, why in (
        (unsigned, "is not signed"),
        (foreign, "not trusted here"),
        (of_another, "is of other files"),
    ):
        home.release(refused)
        home.reach("aborted")
        assert why in home.desk.state(lab.NAME).rollout.reason
        assert answered_by(lab, up.port) == (200, str(first))

    last = home.release(signed(home, bundles.onnx(5.0), ours))
    with lab.Traffic(up.port):
        home.reach("promoted")
    assert home.desk.state(lab.NAME).stable == last
    assert up.stop() == 0
