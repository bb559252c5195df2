import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.registry.bundle import Bundle
from seatrial.registry.incoming import FileRecord
from seatrial.registry.manifest import (
    BundleTampered,
    BundleTooNew,
    Framework,
    ManifestInvalid,
    Role,
    canonical,
    decode_manifest,
    encode_manifest,
    safe_path,
)
from seatrial.registry.signature import Dtype, Feature

SAMPLE = Path(__file__).parent / "samples" / "manifest-1.json"


def forged(data: dict[str, Any]) -> bytes:
    """A manifest whose digest is right, as whoever tampers with purpose would write it."""
    body = {key: value for key, value in data.items() if key != "digest"}
    return canonical({**body, "digest": hashlib.sha256(canonical(body)).hexdigest()})


def test_a_saved_manifest_of_schema_1_is_read() -> None:
    manifest = decode_manifest(SAMPLE.read_bytes())
    assert manifest.name == "churn"
    assert manifest.framework == Framework(name="scikit-learn", version="1.5.2")
    assert manifest.artefacts == {Role.ONNX: "model.onnx", Role.NATIVE: "native/model.pkl"}
    assert manifest.signature.names == ("age", "plan")
    assert manifest.digest.startswith("872bb4fdd756b54f")


def test_a_manifest_is_written_as_it_was_read() -> None:
    raw = SAMPLE.read_bytes()
    assert encode_manifest(decode_manifest(raw)) == raw


def test_equal_content_has_equal_bytes_whatever_the_order_it_was_given_in(bundle: Bundle) -> None:
    manifest = bundle.manifest
    turned = replace(
        manifest,
        artefacts=dict(reversed(manifest.artefacts.items())),
        plan=dict(reversed(manifest.plan.items())),
    )
    assert encode_manifest(turned) == encode_manifest(manifest)


@given(st.data())
def test_a_changed_byte_of_a_manifest_is_seen(data: st.DataObject) -> None:
    raw = bytearray(SAMPLE.read_bytes())
    offset = data.draw(st.integers(0, len(raw) - 1))
    raw[offset] ^= data.draw(st.integers(1, 255))
    with pytest.raises((BundleTampered, BundleTooNew)):
        decode_manifest(bytes(raw))


def test_a_later_schema_asks_for_a_later_seatrial() -> None:
    data = json.loads(SAMPLE.read_bytes())
    with pytest.raises(BundleTooNew) as caught:
        decode_manifest(forged({**data, "schema": 5, "new": "things"}))
    assert caught.value.facts["schema"] == 5
    assert "Upgrade seatrial" in caught.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        {"schema": True},
        {"schema": 0},
        {"schema": "1"},
        {"name": "../churn"},
        {"python": "3.11.7\nRUN rm -rf /"},
        {"framework": {"name": "scikit-learn\n", "version": "1"}},
        {"source_sha256": "AB" * 32},
        {"artefacts": {}},
        {"artefacts": {"onnx": "other.onnx"}},
        {"artefacts": {"torch": "model.onnx"}},
        {"files": []},
        {"files": [{"path": "../../evil", "size": 1, "sha256": "0" * 64}]},
        {"files": [{"path": "/etc/passwd", "size": 1, "sha256": "0" * 64}]},
        {"files": [{"path": "manifest.json", "size": 1, "sha256": "0" * 64}]},
        {"files": [{"path": "model.onnx", "size": -1, "sha256": "0" * 64}]},
        {"files": [{"path": "model.onnx", "size": 1, "sha256": "0"}]},
        {"files": [{"path": "model.onnx", "size": 1, "sha256": "0" * 64}] * 2},
        {"surprise": 1},
    ],
)
def test_a_well_hashed_but_hostile_manifest_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BundleTampered):
        decode_manifest(forged({**json.loads(SAMPLE.read_bytes()), **change}))


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"[" * 100_000, b'{"schema": NaN}', b"\xff"])
def test_bytes_that_are_no_manifest_are_refused(raw: bytes) -> None:
    with pytest.raises(BundleTampered):
        decode_manifest(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"plan": {"cost": float("nan")}},
        {"plan": {"when": object()}},
        {"parity": {1: "a number and", "a": "text as keys"}},
        {"name": "Not A Name"},
        {"files": (FileRecord(path="a b", size=1, sha256="0" * 64),)},
    ],
)
def test_what_could_not_be_read_back_is_not_written(bundle: Bundle, change: dict[str, Any]) -> None:
    with pytest.raises(ManifestInvalid):
        encode_manifest(replace(bundle.manifest, **change))


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("model.onnx", True),
        ("native/model.pkl", True),
        ("a/../b", False),
        ("..", False),
        ("/a", False),
        ("a//b", False),
        ("a/", False),
        (".hidden", False),
        ("a\\b", False),
        ("a\nb", False),
        ("model.onnx\n", False),
        ("ä", False),
        ("a" * 101, False),
        ("manifest.json", False),
    ],
)
def test_only_plain_relative_paths_are_safe(path: str, *, safe: bool) -> None:
    assert safe_path(path) is safe


def test_a_manifest_with_tensors_is_of_schema_2_and_others_stay_what_they_were(
    bundle: Bundle,
) -> None:
    assert json.loads(encode_manifest(bundle.manifest))["schema"] == 1
    image = Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 8, 8))
    signature = replace(bundle.manifest.signature, features=(image,), matrix=False)
    manifest = replace(bundle.manifest, signature=signature)
    raw = encode_manifest(manifest)
    assert json.loads(raw)["schema"] == 2
    assert decode_manifest(raw) == manifest


def test_narrow_numbers_of_a_tensor_ask_for_a_later_schema_and_are_read_back(
    bundle: Bundle,
) -> None:
    image = Feature(name="image", dtype=Dtype.UINT8, shape=(3, 8, 8))
    signature = replace(bundle.manifest.signature, features=(image,), matrix=False)
    manifest = replace(bundle.manifest, signature=signature)
    raw = encode_manifest(manifest)
    assert json.loads(raw)["schema"] == 3
    assert decode_manifest(raw) == manifest
    half = replace(image, dtype=Dtype.FLOAT16)
    manifest = replace(manifest, signature=replace(signature, features=(half,)))
    raw = encode_manifest(manifest)
    assert json.loads(raw)["schema"] == 4
    assert decode_manifest(raw) == manifest
    one_byte = replace(image, shape=())
    with pytest.raises(Invalid, match="cannot have the shape"):
        replace(signature, features=(one_byte,))
