"""Files of TLS that fit each other, and those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from seatrial.adapters.tls_files import TlsUnusable, read_tls
from tests.adapters.tls_bench import Authority, pem


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_what_fits_is_read_as_it_lies_there(authority: Authority) -> None:
    certificate, key = authority.vouch("server")
    found = read_tls(certificate, key, authority.file)
    assert found.certificate == certificate.read_bytes()
    assert found.key == key.read_bytes()
    assert found.client_ca == authority.file.read_bytes()
    assert read_tls(certificate, key).client_ca is None


def test_what_people_write_between_certificates_is_passed_over(authority: Authority) -> None:
    certificate, key = authority.vouch("server")
    authority.file.write_bytes("# Behörde\n".encode() + authority.file.read_bytes())
    assert read_tls(certificate, key, authority.file).client_ca == authority.file.read_bytes()


def test_the_key_of_another_certificate_is_refused(authority: Authority) -> None:
    certificate, _ = authority.vouch("server")
    _, other = authority.vouch("other")
    with pytest.raises(TlsUnusable, match="not the key of the certificate") as refused:
        read_tls(certificate, other)
    assert str(certificate) in refused.value.problem


def test_a_key_with_a_password_is_said_to_have_one(authority: Authority) -> None:
    certificate, key = authority.vouch("server")
    key.write_bytes(pem(ec.generate_private_key(ec.SECP256R1()), password=b"secret"))
    with pytest.raises(TlsUnusable, match="it has a password") as refused:
        read_tls(certificate, key)
    assert "openssl pkcs8" in refused.value.remedy


@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no PEM at all",
        b"\xff\xfe\x00",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"x" * (1 << 21),
    ],
    ids=["absent", "empty", "text", "bytes", "broken", "huge"],
)
def test_what_is_no_certificate_or_key_is_named(
    authority: Authority, which: str, content: bytes | None
) -> None:
    files = dict(zip(("certificate", "key"), authority.vouch("server"), strict=True))
    files["client_ca"] = authority.file
    files[which] = authority.folder / "bad.pem"
    if content is not None:
        files[which].write_bytes(content)
    with pytest.raises(TlsUnusable, match=r"bad\.pem"):
        read_tls(**files)


def test_a_folder_is_no_file(authority: Authority) -> None:
    certificate, _ = authority.vouch("server")
    with pytest.raises(TlsUnusable, match="no such file"):
        read_tls(certificate, authority.folder)
