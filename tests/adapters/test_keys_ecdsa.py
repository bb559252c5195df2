import subprocess
from importlib import util
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from seatrial.adapters.keys_ecdsa import (
    KeyTaken,
    KeyUnusable,
    SigningKey,
    read_public_keys,
    write_new_key,
)
from seatrial.kernel.errors import MissingExtra


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_new_key(tmp_path / "team.key")
    return tmp_path / "team.key"


def test_the_public_half_accepts_what_the_private_one_signed(key: Path) -> None:
    made = SigningKey.read(key).sign(b"message")
    (public,) = read_public_keys(key.with_name("team.key.pub"))
    assert public.accepts(b"message", made)
    assert not public.accepts(b"massage", made)
    assert not public.accepts(b"message", made[:-1])
    assert not public.accepts(b"message", b"")
    assert public.fingerprint == SigningKey.read(key).fingerprint


def test_the_private_half_is_for_its_owner_only(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("there", ["other.key", "other.key.pub"])
def test_no_key_is_ever_written_over(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("somebody's")
    with pytest.raises(KeyTaken):
        write_new_key(tmp_path / "other.key")
    assert [entry.name for entry in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "somebody's"


def test_a_file_may_hold_several_public_keys(tmp_path: Path, key: Path) -> None:
    second = write_new_key(tmp_path / "second.key")
    both = tmp_path / "both.pub"
    texts = [(tmp_path / f"{name}.key.pub").read_text() for name in ("team", "second")]
    both.write_text("the old one\n" + texts[0] + "\nand the new one\n" + texts[1] + "\n")
    found = [public.fingerprint for public in read_public_keys(both)]
    assert found == [SigningKey.read(key).fingerprint, second.fingerprint]


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_keys_of_openssl_are_read(tmp_path: Path, curve: str) -> None:
    private, public = tmp_path / "k.pem", tmp_path / "p.pem"
    make = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", private]
    subprocess.run(make, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "ec", "-in", private, "-pubout", "-out", public],
        check=True,
        capture_output=True,
    )
    (read,) = read_public_keys(public)
    assert read.accepts(b"x", SigningKey.read(private).sign(b"x"))


def pem(key: object, *, password: bytes | None = None) -> bytes:
    hidden = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, hidden)  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"\x00" * (1 << 17),
        pem(ed25519.Ed25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256K1())),
    ],
)
def test_what_is_no_usable_key_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.key"
    path.write_bytes(content)
    for read in (SigningKey.read, read_public_keys):
        with pytest.raises(KeyUnusable, match=r"bad\.key") as refused:
            read(path)
        assert "--new-key" in refused.value.remedy


def test_a_key_with_a_password_is_said_to_have_one(tmp_path: Path) -> None:
    path = tmp_path / "bad.key"
    path.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), password=b"secret"))
    with pytest.raises(KeyUnusable, match="it has a password") as refused:
        SigningKey.read(path)
    assert f"openssl pkcs8 -topk8 -nocrypt -in {path}" in refused.value.remedy


def test_a_private_key_is_no_public_one_and_the_other_way_round(key: Path) -> None:
    with pytest.raises(KeyUnusable, match="no public key"):
        read_public_keys(key)
    with pytest.raises(KeyUnusable, match="no private key"):
        SigningKey.read(key.with_name("team.key.pub"))


def test_a_key_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="no such file"):
        read_public_keys(tmp_path / "absent.pub")
    with pytest.raises(KeyUnusable, match="cannot be written"):
        write_new_key(tmp_path / "absent" / "x.key")


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seatrial.adapters.keys_ecdsa.find_spec", lambda _: None)
    assert util.find_spec("cryptography") is not None
    with pytest.raises(MissingExtra, match=r"seatrial\[signing\]"):
        read_public_keys(tmp_path / "x.pub")
