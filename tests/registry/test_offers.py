"""Our own registry, beyond what every registry must do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.kernel.events import Draft
from seatrial.registry.catalog import VersionUnreadable
from seatrial.registry.models import RegisteredVersionUnknown, RegistryRefused
from seatrial.registry.offers import (
    OFFERED,
    OfferedFacts,
    OfferedFileMissing,
    OfferInvalid,
    OwnRegistry,
)
from seatrial.testing import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def own(store: MemoryStore, tmp_path: Path) -> OwnRegistry:
    return OwnRegistry(store, tmp_path / "offers")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.pkl"
    file.write_bytes(b"a model")
    return file


def test_what_is_said_of_an_offer_is_fetched_with_it(own: OwnRegistry, model: Path) -> None:
    of = OfferedFacts(
        label="y", data="/d.csv", holdout="/h.csv", evaluation="/e", notes={"run": "r1"}
    )
    offered = own.offer("churn", model, of, by="me")
    model.unlink()
    assert (offered.number, offered.file, offered.by) == (1, "model.pkl", "me")
    fetched = own.fetch("churn", 1, model.parent)
    assert fetched.file.read_bytes() == b"a model"
    assert (fetched.label, fetched.data, fetched.holdout, fetched.evaluation) == (
        "y",
        Path("/d.csv"),
        Path("/h.csv"),
        Path("/e"),
    )
    (version,) = own.versions("churn")
    assert version.run == "r1"


def test_one_key_is_one_offer(own: OwnRegistry, model: Path) -> None:
    first = own.offer("churn", model, OfferedFacts(), key="run-7", by="me")
    model.write_bytes(b"trained anew")
    again = own.offer("churn", model, OfferedFacts(), key="run-7", by="me")
    assert again == first
    assert own.offer("churn", model, OfferedFacts(), key="run-8", by="me").number == 2
    assert own.offer("other", model, OfferedFacts(), key="run-7", by="me").number == 1


def test_offers_at_once_get_numbers_of_their_own(own: OwnRegistry, tmp_path: Path) -> None:
    def offer(i: int) -> int:
        return own.offer_bytes("churn", "m.pkl", [b"%d" % (i % 3)], OfferedFacts(), by="me").number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(offer, range(16)))
    assert sorted(numbers) == list(range(1, 17))
    assert len([p for p in (tmp_path / "offers").iterdir() if p.is_dir()]) == 3


def test_the_same_content_may_have_two_names(own: OwnRegistry) -> None:
    own.offer_bytes("churn", "a.pkl", [b"x"], OfferedFacts(), by="me")
    own.offer_bytes("churn", "b.pkl", [b"x"], OfferedFacts(), by="me")
    files = [own.fetch("churn", number, Path()).file for number in (1, 2)]
    assert [file.name for file in files] == ["a.pkl", "b.pkl"]
    assert all(file.read_bytes() == b"x" for file in files)


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a" * 101, "a b", "a\0"])
def test_a_model_has_a_plain_name(own: OwnRegistry, model: Path, name: str) -> None:
    with pytest.raises(OfferInvalid, match="no name of a model"):
        own.offer(name, model, OfferedFacts(), by="me")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\n", "a" * 151])
def test_a_file_stays_in_its_folder(own: OwnRegistry, name: str) -> None:
    with pytest.raises(OfferInvalid, match="no name of a file"):
        own.offer_bytes("churn", name, [b"x"], OfferedFacts(), by="me")


def test_a_file_that_is_not_there_is_told(own: OwnRegistry, tmp_path: Path) -> None:
    with pytest.raises(OfferedFileMissing, match=r"nothing\.pkl"):
        own.offer("churn", tmp_path / "nothing.pkl", OfferedFacts(), by="me")
    assert own.versions("churn") == []


def test_an_alias_has_a_plain_name(own: OwnRegistry, model: Path) -> None:
    own.offer("churn", model, OfferedFacts(), by="me")
    with pytest.raises(RegistryRefused, match="no alias"):
        own.move_alias("churn", "a/b", 1)


def test_a_content_on_another_machine_is_told(own: OwnRegistry, model: Path) -> None:
    offered = own.offer("churn", model, OfferedFacts(), by="me")
    (model.parent / "offers" / offered.sha256 / "model.pkl").unlink()
    with pytest.raises(RegisteredVersionUnknown, match="Share that folder"):
        own.fetch("churn", 1, model.parent)


def test_moving_an_alias_to_where_it_is_leaves_no_fact(
    own: OwnRegistry, model: Path, store: MemoryStore
) -> None:
    own.offer("churn", model, OfferedFacts(), by="me")
    own.move_alias("churn", "champion", 1)
    head = store.head()
    own.move_alias("churn", "champion", 1)
    assert store.head() == head


def test_an_offer_of_a_later_seatrial_is_not_guessed_at(
    own: OwnRegistry, store: MemoryStore
) -> None:
    store.append("offers/churn", [Draft(kind=OFFERED, data={"number": 1})], expected=0)
    with pytest.raises(VersionUnreadable, match="offers/churn"):
        own.versions("churn")


def test_nothing_is_no_model(own: OwnRegistry) -> None:
    with pytest.raises(OfferInvalid, match="holds nothing") as bad:
        own.offer_bytes("churn", "model.pkl", [b"", b""], OfferedFacts(), by="anna")
    assert "--data-binary" in bad.value.remedy
    assert own.offers("churn") == []
