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
from seatrial.release.desk import Desk
from seatrial.wiring.trust import Trust, sign_bundle
from tests.journeys.retraining_world import NEW, Traffic, World, retraining, rows, until

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


def fit(folder: Path, name: str, *, seed: int) -> Path:
    """A model of the moved world, in a file."""
    import joblib
    from sklearn.linear_model import LogisticRegression

    frame = rows(3000, NEW, seed=seed).drop(columns="at")
    joblib.dump(LogisticRegression().fit(frame[["a", "b", "c"]], frame["y"]), folder / name)
    return folder / name


def test_with_a_key_to_sign_what_is_deployed_retrained_and_followed_is_served(
    tmp_path: Path,
) -> None:
    write_new_key(tmp_path / "team.key")
    keys = {"verify_key": "team.key.pub", "sign_key": "team.key"}
    followed = {"label": "y", "data": "sample.parquet"}
    world = World(
        tmp_path,
        {"churn": retraining("train")},
        server=keys,
        registry={"models": {"churn": followed}},
    )
    rows(500, NEW, seed=3).drop(columns="at").to_parquet(tmp_path / "sample.parquet")
    order = ["--name", "churn", "--data", "sample.parquet", "--label", "y"]
    traffic = Traffic("churn")
    with world.up() as server:
        desk = Desk(store := world.store())
        world.run("deploy", str(fit(tmp_path, "one.pkl", seed=4)), *order, "--target", "production")
        traffic.address = server.address
        traffic.start()
        world.run("retrain", "now", "churn")
        until("the retrained one", lambda: desk.state("churn").stable == 2)
        world.run("register", str(fit(tmp_path, "three.pkl", seed=5)), "--model", "churn")
        until("the followed one", lambda: desk.state("churn").stable == 3)
        traffic.over.set()
    digests = desk.state("churn").digests
    store.close()
    trust = Trust(tmp_path / "team.key.pub")
    for number in (1, 2, 3):
        trust.check(Bundle.open(world.home / "bundles" / digests[number]))
        assert (world.home / "releases" / "churn" / str(number) / "bundle.sig").is_file()
