"""A certificate authority of our own, which vouches for a server and for a client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_BEGUN = datetime(2020, 1, 1, tzinfo=UTC)


class Authority:
    """Makes files: `NAME.pem`, with its key in `NAME.key`, and its own `ca.pem`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder, self.name = folder, _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        basic = x509.BasicConstraints(ca=True, path_length=None)
        made = self._certificate(self.name, self._key).add_extension(basic, critical=True)
        self.file = self._write(f"{name}.pem", made)

    def vouch(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate, for 127.0.0.1 too, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        )
        made = self._certificate(_named(name), key).add_extension(names, critical=False)
        kept = self.folder / f"{name}.key"
        kept.write_bytes(pem(key))
        return self._write(f"{name}.pem", made), kept

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_BEGUN)
            .not_valid_after(_BEGUN + timedelta(days=36_500))
        )

    def _write(self, file: str, made: x509.CertificateBuilder) -> Path:
        path = self.folder / file
        signed = made.sign(self._key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return path


def pem(key: ec.EllipticCurvePrivateKey, *, password: bytes | None = None) -> bytes:
    """A private key as a file holds it."""
    hidden: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        hidden = serialization.BestAvailableEncryption(password)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, hidden)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
