import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.errors import Denied, SeatrialError
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.signing import (
    SignatureOfOther,
    SignatureRefused,
    SignatureUnreadable,
    check,
    sign,
)


@dataclass(frozen=True)
class Secret:
    """A key of both kinds whose signature is the message with a word before it."""

    fingerprint: str = "a" * 64

    def sign(self, message: bytes) -> bytes:
        return self.fingerprint.encode() + message

    def accepts(self, message: bytes, signature: bytes) -> bool:
        return signature == self.sign(message)


OURS = Secret()
THEIRS = Secret("b" * 64)


def payload_of(signature: bytes) -> dict[str, object]:
    envelope = json.loads(signature)["dsseEnvelope"]
    statement: dict[str, object] = json.loads(base64.b64decode(envelope["payload"]))
    return statement


def signed_as(statement: object, key: Secret = OURS) -> bytes:
    """A good signature of whatever is stated."""
    payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
    kind = b"application/vnd.in-toto+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": key.fingerprint}},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": kind.decode(),
                "signatures": [{"sig": base64.b64encode(key.sign(message)).decode()}],
            },
        }
    ).encode()


def test_what_is_signed_is_accepted_and_says_whose_key_it_was(bundle: Bundle) -> None:
    signature = sign(bundle.manifest, OURS)
    assert check(bundle.manifest, signature, [THEIRS, OURS]) == OURS.fingerprint


def test_every_file_is_signed_and_the_manifest_too(bundle: Bundle) -> None:
    predicate = payload_of(sign(bundle.manifest, OURS))["predicate"]
    names = {resource["name"] for resource in predicate["resources"]}  # type: ignore[index]
    on_disk = {p.relative_to(bundle.path).as_posix() for p in bundle.path.rglob("*") if p.is_file()}
    assert names == on_disk


def test_a_signature_by_nobody_we_trust_is_refused_and_says_by_whom(bundle: Bundle) -> None:
    with pytest.raises(SignatureRefused) as refused:
        check(bundle.manifest, sign(bundle.manifest, THEIRS), [OURS])
    assert THEIRS.fingerprint[:12] in refused.value.problem
    assert OURS.fingerprint[:12] in refused.value.problem
    assert "seatrial sign" in refused.value.remedy


def test_a_key_that_only_says_it_is_ours_is_refused(bundle: Bundle) -> None:
    claimed = sign(bundle.manifest, THEIRS).replace(b"b" * 64, b"a" * 64)
    with pytest.raises(SignatureRefused, match="one of them was changed"):
        check(bundle.manifest, claimed, [OURS])


def test_nobody_is_trusted_where_no_key_is(bundle: Bundle) -> None:
    with pytest.raises(SignatureRefused):
        check(bundle.manifest, sign(bundle.manifest, OURS), [])


def test_the_signature_of_another_bundle_names_the_file_that_differs(
    tmp_path: Path,
    bundle: Bundle,
    contents: Contents,
    changed: Callable[[Contents], Contents],
) -> None:
    other = Bundle.create(tmp_path / "others", changed(contents))
    with pytest.raises(SignatureOfOther) as refused:
        check(bundle.manifest, sign(other.manifest, OURS), [OURS])
    assert refused.value.facts == {"file": "manifest.json", "difference": "changed"}
    assert isinstance(refused.value, Denied)


@pytest.mark.parametrize(
    ("add", "drop", "difference"),
    [("zz", None, "missing"), (None, "golden.json", "added")],
)
def test_a_file_more_or_less_than_was_signed_is_refused(
    bundle: Bundle, add: str | None, drop: str | None, difference: str
) -> None:
    statement = payload_of(sign(bundle.manifest, OURS))
    resources = statement["predicate"]["resources"]  # type: ignore[index]
    if add:
        resources.append({"name": add, "algorithm": "sha256", "digest": "00" * 32})
    kept = [resource for resource in resources if resource["name"] != drop]
    statement["predicate"]["resources"] = kept  # type: ignore[index]
    with pytest.raises(SignatureOfOther) as refused:
        check(bundle.manifest, signed_as(statement), [OURS])
    assert refused.value.facts == {"file": add or drop, "difference": difference}


@pytest.mark.parametrize(
    "statement",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        [],
        {"_type": "https://in-toto.io/Statement/v1"},
        {"_type": "x", "predicateType": "y", "predicate": {"resources": []}},
        {
            "_type": "https://in-toto.io/Statement/v1",
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {"resources": [{"name": "a", "algorithm": "md5", "digest": ""}]},
        },
    ],
)
def test_what_is_signed_but_is_no_list_of_files_is_unreadable(
    bundle: Bundle, statement: object
) -> None:
    with pytest.raises(SignatureUnreadable):
        check(bundle.manifest, signed_as(statement), [OURS])


def test_two_entries_of_one_file_do_not_hide_one_another(bundle: Bundle) -> None:
    statement = payload_of(sign(bundle.manifest, OURS))
    resources = statement["predicate"]["resources"]  # type: ignore[index]
    resources.append({**resources[0], "digest": "00" * 32})
    with pytest.raises(SignatureUnreadable, match="twice"):
        check(bundle.manifest, signed_as(statement), [OURS])


def test_two_signatures_in_one_file_are_refused(bundle: Bundle) -> None:
    whole = json.loads(sign(bundle.manifest, OURS))
    whole["dsseEnvelope"]["signatures"] *= 2
    with pytest.raises(SignatureUnreadable, match="2 signatures"):
        check(bundle.manifest, json.dumps(whole).encode(), [OURS])


@given(keep=st.integers(min_value=0, max_value=5_000))
def test_a_signature_cut_off_anywhere_is_never_accepted(keep: int) -> None:
    whole = signed_as({"any": "thing"})
    with pytest.raises(SignatureUnreadable):
        check(None, whole[: min(keep, len(whole) - 1)], [OURS])  # type: ignore[arg-type]


def test_a_changed_byte_anywhere_is_never_accepted(bundle: Bundle) -> None:
    whole = sign(bundle.manifest, OURS)
    start = whole.index(b"payload") + 10
    for at in range(start, len(whole), 97):
        if chr(whole[at]).isalnum():
            other = whole[:at] + (b"A" if whole[at : at + 1] != b"A" else b"B") + whole[at + 1 :]
            with pytest.raises(SeatrialError):
                check(bundle.manifest, other, [OURS])


def test_a_renamed_model_needs_a_signature_of_its_own(bundle: Bundle) -> None:
    renamed = replace(bundle.manifest, name="spam")
    with pytest.raises(SignatureOfOther):
        check(renamed, sign(bundle.manifest, OURS), [OURS])
