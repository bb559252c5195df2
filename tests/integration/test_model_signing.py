"""The `model-signing` package of OpenSSF, unchanged: it checks our signatures, and we check its."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from environments import environment

from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing_file import signature_path
from seatrial.wiring.deploying.trust import Trust, sign_bundle
from tests.cli.constant_bundle import make

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("model-signing==1.1.1", "pyopenssl")  # which it imports and does not ask for


@pytest.fixture(scope="module")
def theirs(request: pytest.FixtureRequest) -> Path:
    python = environment(request.config, "model-signing", PINS)
    return python.with_name("model_signing")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make(tmp_path, age=0.0)


def checked(theirs: Path, bundle: Path, signature: Path, key: Path) -> bool:
    command = [theirs, "verify", "key", bundle, "--signature", signature, "--public_key", key]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_it_accepts_what_we_signed_and_sees_what_was_changed(
    theirs: Path, bundle: Bundle, tmp_path: Path
) -> None:
    key, other = tmp_path / "team.key", tmp_path / "other.key"
    write_new_key(key)
    write_new_key(other)
    signature = signature_path(bundle.path)
    sign_bundle(bundle, key, signature)
    assert checked(theirs, bundle.path, signature, tmp_path / "team.key.pub")
    assert not checked(theirs, bundle.path, signature, tmp_path / "other.key.pub")
    changed = tmp_path / "changed"
    shutil.copytree(bundle.path, changed)
    (changed / "golden.json").write_bytes(b"{}")
    assert not checked(theirs, changed, signature, tmp_path / "team.key.pub")


def test_we_accept_what_it_signed(theirs: Path, bundle: Bundle, tmp_path: Path) -> None:
    key, signature = tmp_path / "team.key", tmp_path / "model.sig"
    made = write_new_key(key)
    command = [theirs, "sign", "key", bundle.path, "--private_key", key, "--signature", signature]
    subprocess.run(command, check=True, capture_output=True)
    assert Trust(tmp_path / "team.key.pub").check(bundle, signature) == made.fingerprint
