"""The `model-signing` package of OpenSSF, unchanged: it checks our signatures, and we check its."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from environments import environment

from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.signing_file import signature_path
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import matrix_signature, only
from seatrial.wiring.trust import Trust, sign_bundle

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("model-signing==1.1.1", "pyopenssl")  # which it imports and does not ask for


@pytest.fixture(scope="module")
def theirs(request: pytest.FixtureRequest) -> Path:
    python = environment(request.config, "model-signing", PINS)
    return python.with_name("model_signing")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    (tmp_path / "graph").write_bytes(b"any bytes: nothing is loaded")
    golden = Golden(inputs=np.zeros((1, 3), np.float32), outputs={"label": np.array([1])})
    return Bundle.create(
        tmp_path / "bundles",
        Contents(
            name="churn",
            framework=Framework(name="scikit-learn", version="1.5.2"),
            python="3.11.7",
            signature=matrix_signature(),
            source_sha256="ab" * 32,
            artefacts={Role.ONNX: tmp_path / "graph"},
            requirements="numpy==2.0.0\n",
            golden=golden,
            profile={},
            plan=only(EngineKind.ONNX, inline=True).as_dict(),
        ),
    )


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
