"""Whose bundles are loaded: by a worker's shelf, by a container, and out of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.adapters.keys_ecdsa import KeyUnusable, write_new_key
from seatrial.registry.archive import pack
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing import BundleUnsigned, SignatureOfOther, SignatureRefused
from seatrial.registry.signing_file import signature_path
from seatrial.serving.spawn import ChildLimits
from seatrial.wiring.deploying import standalone
from seatrial.wiring.deploying.files import ship_signature
from seatrial.wiring.deploying.trust import (
    Trust,
    adopt_signature,
    check_brought,
    sign_bundle,
    trust_of,
    trust_of_environment,
)
from seatrial.wiring.deploying.versions import Shelf
from seatrial.wiring.server_checks import check_trust
from seatrial.wiring.workspace import open_workspace
from tests.cli.constant_bundle import make


@pytest.fixture
def key(tmp_path: Path) -> Path:
    for team in ("ours", "theirs"):
        write_new_key(tmp_path / f"{team}.key")
    return tmp_path / "ours.key"


@pytest.fixture
def public(key: Path) -> Path:
    return key.with_name("ours.key.pub")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make(tmp_path, age=1.0)


def shelf(bundle: Bundle, public: Path | None) -> Shelf:
    return Shelf(
        bundle.path.parent, trust=trust_of(public), limits=ChildLimits(), engines={}, home=""
    )


def signed(bundle: Bundle, key: Path) -> Path:
    signature = signature_path(bundle.path)
    sign_bundle(bundle, key, signature)
    return signature


def test_a_shelf_with_a_key_opens_what_it_signed_and_nothing_else(
    bundle: Bundle, key: Path, public: Path, tmp_path: Path
) -> None:
    assert shelf(bundle, None)("churn", 1, bundle.digest).digest == bundle.digest
    with pytest.raises(BundleUnsigned, match="not signed") as refused:
        shelf(bundle, public)("churn", 1, bundle.digest)
    assert "seatrial sign churn@VERSION" in refused.value.remedy
    signature = signed(bundle, key)
    assert shelf(bundle, public)("churn", 1, bundle.digest).digest == bundle.digest
    other = make(tmp_path, age=2.0)
    signature_path(other.path).write_bytes(signature.read_bytes())
    with pytest.raises(SignatureOfOther):
        shelf(other, public)("churn", 2, other.digest)
    signed(bundle, key.with_name("theirs.key"))
    with pytest.raises(SignatureRefused):
        shelf(bundle, public)("churn", 1, bundle.digest)


def test_either_of_two_keys_will_do_while_one_takes_over_from_the_other(
    bundle: Bundle, key: Path, public: Path
) -> None:
    signed(bundle, key.with_name("theirs.key"))
    both = public.with_name("both.pub")
    both.write_bytes(public.read_bytes() + key.with_name("theirs.key.pub").read_bytes())
    Trust(both).check(bundle)


def test_a_container_asks_for_a_signature_where_it_is_given_a_key(
    bundle: Bundle, key: Path, public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(standalone.BUNDLE, str(bundle.path))
    monkeypatch.setenv("SEATRIAL_VERIFY_KEY", str(public))
    with pytest.raises(BundleUnsigned):
        standalone.app()
    signed(bundle, key)
    standalone.app()
    monkeypatch.setenv("SEATRIAL_VERIFY_KEY", str(key.with_name("absent.pub")))
    with pytest.raises(KeyUnusable):
        standalone.app()


def test_an_empty_variable_asks_for_nothing() -> None:
    assert trust_of_environment({"SEATRIAL_VERIFY_KEY": ""}) is None
    assert trust_of(None) is None


def test_a_server_says_before_it_starts_that_its_key_is_none(tmp_path: Path, public: Path) -> None:
    for named, problem in ((public, None), (tmp_path / "absent.pub", "no such file")):
        (tmp_path / "seatrial.yaml").write_text(f"server: {{verify_key: {named}}}\n")
        workspace = open_workspace(
            home=tmp_path / "home", config=tmp_path / "seatrial.yaml", environment={}
        )
        if problem is None:
            check_trust(workspace)
        else:
            with pytest.raises(KeyUnusable, match=problem):
                check_trust(workspace)


@pytest.mark.parametrize(
    ("signs", "more", "said"),
    [
        ("ours", "", None),
        ("theirs", "", "does not hold the public half of server.sign_key"),
        (None, "", None),
        (None, "registry: {models: {churn: {}}}", "there is no server.sign_key"),
        ("ours", "registry: {models: {churn: {}}}", None),
    ],
)
def test_a_server_says_when_it_starts_that_it_will_not_load_what_is_registered_here(
    tmp_path: Path, public: Path, signs: str | None, more: str, said: str | None
) -> None:
    key = "null" if signs is None else tmp_path / f"{signs}.key"
    config = tmp_path / "seatrial.yaml"
    config.write_text(f"server: {{verify_key: {public}, sign_key: {key}}}\n{more}\n")
    told: list[str] = []
    check_trust(open_workspace(home=tmp_path, config=config, environment={}), say=told.append)
    assert len(told) == (said is not None)
    assert said is None or said in told[0]


def test_a_key_that_cannot_sign_keeps_a_server_from_starting(tmp_path: Path, public: Path) -> None:
    config = tmp_path / "seatrial.yaml"
    config.write_text(f"server: {{sign_key: {public}}}\n")
    with pytest.raises(KeyUnusable, match="no private key"):
        check_trust(open_workspace(home=tmp_path, config=config, environment={}))


def test_only_public_keys_are_handed_on_whatever_their_file_holds(key: Path, public: Path) -> None:
    both = public.with_name("both.pem")
    both.write_bytes(public.read_bytes() + key.read_bytes())
    assert Trust(both).pem == public.read_text()


def test_the_signature_of_an_archive_is_kept_only_where_it_counts(
    bundle: Bundle, key: Path, public: Path, tmp_path: Path
) -> None:
    archive, trust = tmp_path / "churn.tgz", Trust(public)
    pack(bundle, archive)
    check_brought(archive, trust, bundle)  # none yet: somebody here may still sign it
    assert not adopt_signature(archive, bundle, trust)
    sign_bundle(bundle, key.with_name("theirs.key"), signature_path(archive))
    check_brought(archive, None, bundle)
    with pytest.raises(SignatureRefused):
        check_brought(archive, trust, bundle)
    ours = signed(bundle, key).read_bytes()
    assert adopt_signature(archive, bundle, None)
    assert signature_path(bundle.path).read_bytes() == ours  # what was there is not given up
    sign_bundle(bundle, key, signature_path(archive))
    assert adopt_signature(archive, bundle, trust)
    assert signature_path(bundle.path).read_bytes() == signature_path(archive).read_bytes() != ours


def test_a_signature_goes_into_a_releases_folder_that_is_there(
    bundle: Bundle, key: Path, tmp_path: Path
) -> None:
    signature = signed(bundle, key)
    ship_signature(tmp_path / "absent", bundle)
    assert not (tmp_path / "absent").exists()
    (tmp_path / "release" / "bundle").mkdir(parents=True)
    ship_signature(tmp_path / "release", bundle)
    assert (tmp_path / "release" / "bundle.sig").read_bytes() == signature.read_bytes()
