"""sign and verify, as a person and as an attacker would."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seatrial.cli.exits import Exit
from seatrial.registry.bundle import Bundle


@pytest.fixture
def keys(home, seatrial, tmp_path: Path) -> Path:
    """Of two teams: ours.key and theirs.key, each with its public half."""
    for team in ("ours", "theirs"):
        code, _, err = seatrial("sign", "--new-key", str(tmp_path / f"{team}.key"))
        assert code == Exit.DONE, err
    return tmp_path


@pytest.fixture
def folder(versions, seatrial, keys: Path) -> Path:
    """A signed bundle in a folder of its own."""
    bundle = keys / "carried"
    shutil.copytree(versions[0].path, bundle)
    code, _, err = seatrial("sign", str(bundle), "--key", str(keys / "ours.key"))
    assert code == Exit.DONE, err
    return bundle


def verified(seatrial, what: Path | str, keys: Path, team: str = "ours") -> tuple[int, str]:
    code, out, _ = seatrial("verify", str(what), "--key", str(keys / f"{team}.key.pub"), "--json")
    return code, json.loads(out)["error"]["code"] if code else "signed"


def test_what_was_signed_is_verified(seatrial, folder: Path, keys: Path, versions) -> None:
    code, out, _ = seatrial("verify", str(folder), "--key", str(keys / "ours.key.pub"), "--json")
    record = json.loads(out)
    assert code == Exit.DONE
    assert record["digest"] == versions[0].digest
    assert record["files"] == len(versions[0].manifest.files) + 1


def test_a_registered_version_and_an_archive_are_signed_beside_themselves(
    seatrial, versions, keys: Path
) -> None:
    key = str(keys / "ours.key")
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    for what, beside in (
        ("churn@1", versions[0].path.with_name(versions[0].digest + ".sig")),
        ("./churn.tgz", Path("churn.tgz.sig")),
    ):
        assert verified(seatrial, what, keys) == (Exit.DENIED, "signing.unsigned")
        assert seatrial("sign", what, "--key", key)[0] == Exit.DONE
        assert beside.is_file()
        assert verified(seatrial, what, keys) == (Exit.DONE, "signed")
    assert verified(seatrial, "churn@2", keys) == (Exit.DENIED, "signing.unsigned")


def test_another_key_is_refused(seatrial, folder: Path, keys: Path) -> None:
    assert verified(seatrial, folder, keys, "theirs") == (Exit.DENIED, "signing.refused")


def test_a_changed_file_an_added_one_a_link_and_a_missing_one_are_refused(
    seatrial, folder: Path, keys: Path
) -> None:
    def attack(name: str) -> Path:
        copy = keys / name
        shutil.copytree(folder, copy)
        shutil.copy(keys / "carried.sig", keys / f"{name}.sig")
        return copy

    changed, added, linked, lacking = map(attack, ("changed", "added", "linked", "lacking"))
    model = (changed / "model.onnx").read_bytes()
    (changed / "model.onnx").write_bytes(model[:-1] + bytes([model[-1] ^ 1]))
    (added / "native").mkdir()
    (added / "native" / "model.pkl").write_bytes(b"evil")
    (linked / "model.onnx").unlink()
    (linked / "model.onnx").symlink_to(folder / "model.onnx")
    (lacking / "golden.json").unlink()
    for copy in (changed, added, linked):
        assert verified(seatrial, copy, keys) == (Exit.INVALID, "bundle.tampered"), copy
    assert verified(seatrial, lacking, keys) == (Exit.INVALID, "bundle.incomplete")
    assert verified(seatrial, folder, keys) == (Exit.DONE, "signed")


def test_a_bundle_that_is_whole_but_another_is_refused(
    seatrial, folder: Path, versions: list[Bundle], keys: Path
) -> None:
    shutil.copytree(versions[1].path, keys / "other")
    shutil.copy(keys / "carried.sig", keys / "other.sig")
    code, answer = verified(seatrial, keys / "other", keys)
    assert (code, answer) == (Exit.DENIED, "signing.other_content")


def test_a_cut_off_signature_is_refused(seatrial, folder: Path, keys: Path) -> None:
    signature = keys / "carried.sig"
    signature.write_bytes(signature.read_bytes()[:-40])
    assert verified(seatrial, folder, keys) == (Exit.INVALID, "signing.unreadable")


def test_a_signature_may_lie_elsewhere(seatrial, versions, keys: Path) -> None:
    elsewhere, key = str(keys / "x.sig"), str(keys / "ours.key")
    assert seatrial("sign", "churn@1", "--key", key, "-o", elsewhere)[0] == Exit.DONE
    public = str(keys / "ours.key.pub")
    code, _, err = seatrial("verify", "churn@1", "--key", public, "--signature", elsewhere)
    assert code == Exit.DONE, err


def test_a_key_is_never_written_over_and_one_of_the_two_is_asked_for(
    seatrial, keys: Path, versions
) -> None:
    before = (keys / "ours.key").read_bytes()
    assert seatrial("sign", "--new-key", str(keys / "ours.key"))[0] == Exit.CONFLICT
    assert (keys / "ours.key").read_bytes() == before
    assert seatrial("sign", "churn@1")[0] == Exit.USAGE
    assert seatrial("sign", "--key", str(keys / "ours.key"))[0] == Exit.USAGE


def test_a_public_key_cannot_sign(seatrial, keys: Path, versions) -> None:
    code, _, err = seatrial("sign", "churn@1", "--key", str(keys / "ours.key.pub"))
    assert code == Exit.INVALID
    assert "no private key" in err


def test_an_archive_brings_its_signature_along(seatrial, versions, keys: Path, tmp_path) -> None:
    key = str(keys / "ours.key")
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    assert seatrial("sign", "./churn.tgz", "--key", key)[0] == Exit.DONE
    home = ("--home", str(tmp_path / "elsewhere"), "--no-up", "--no-wait")
    code, _, err = seatrial("deploy", "churn.tgz", *home)
    assert "churn.tgz.sig" in err, (code, err)
    kept = tmp_path / "elsewhere" / "bundles" / f"{versions[0].digest}.sig"
    assert kept.read_bytes() == Path("churn.tgz.sig").read_bytes()
    shipped = tmp_path / "elsewhere" / "releases" / "churn" / "1" / "bundle.sig"
    assert shipped.read_bytes() == kept.read_bytes()


def test_an_archive_that_somebody_else_signed_is_not_taken_in(
    seatrial, versions, keys: Path, tmp_path
) -> None:
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    assert seatrial("sign", "./churn.tgz", "--key", str(keys / "theirs.key"))[0] == Exit.DONE
    config = tmp_path / "strict.yaml"
    config.write_text(f"server:\n  verify_key: {keys / 'ours.key.pub'}\n")
    home = ("--home", str(tmp_path / "elsewhere"), "--config", str(config), "--no-up", "--no-wait")
    code, _, err = seatrial("deploy", "churn.tgz", *home)
    assert code == Exit.DENIED, err
    assert "not trusted here" in err
    left = list((tmp_path / "elsewhere").glob("*/*"))
    assert left == []  # neither bundle nor release


def test_one_command_may_package_and_sign(seatrial, home, keys: Path, versions, tmp_path) -> None:
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    into = ("--home", str(tmp_path / "elsewhere"), "--no-up", "--no-wait")
    unusable = seatrial("deploy", "churn.tgz", *into, "--sign-key", str(keys / "ours.key.pub"))
    assert unusable[0] == Exit.INVALID
    assert list((tmp_path / "elsewhere").glob("*/*")) == []
    _, _, err = seatrial("deploy", "churn.tgz", *into, "--sign-key", str(keys / "ours.key"))
    assert "with the key" in err
    bundle = tmp_path / "elsewhere" / "bundles" / versions[0].digest
    assert verified(seatrial, bundle, keys) == (Exit.DONE, "signed")


def configured(tmp_path: Path, **server: Path) -> tuple[str, ...]:
    config = tmp_path / "signs.yaml"
    config.write_text(f"server: {json.dumps({name: str(file) for name, file in server.items()})}")
    return ("--home", str(tmp_path / "elsewhere"), "--config", str(config), "--no-up", "--no-wait")


def test_a_configured_key_signs_what_is_deployed_and_leaves_a_signature_that_was_brought(
    seatrial, versions, keys: Path, tmp_path
) -> None:
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    into = configured(tmp_path, sign_key=keys / "ours.key")
    _, _, err = seatrial("deploy", "churn.tgz", *into)
    assert "with the key" in err
    bundle = tmp_path / "elsewhere" / "bundles" / versions[0].digest
    assert verified(seatrial, bundle, keys) == (Exit.DONE, "signed")
    assert (tmp_path / "elsewhere" / "releases" / "churn" / "1" / "bundle.sig").is_file()
    shutil.rmtree(tmp_path / "elsewhere")
    assert seatrial("sign", "./churn.tgz", "--key", str(keys / "theirs.key"))[0] == Exit.DONE
    _, _, err = seatrial("deploy", "churn.tgz", *into)
    assert "with the key" not in err
    assert verified(seatrial, bundle, keys, "theirs") == (Exit.DONE, "signed")


@pytest.mark.parametrize("content", [None, b"", b"no key"])
def test_a_configured_key_that_cannot_sign_is_said_before_anything_is_kept(
    seatrial, versions, tmp_path, content: bytes | None
) -> None:
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    if content is not None:
        (tmp_path / "bad.key").write_bytes(content)
    code, _, err = seatrial(
        "deploy", "churn.tgz", *configured(tmp_path, sign_key=tmp_path / "bad.key")
    )
    assert code == Exit.INVALID
    assert "bad.key" in err
    assert list((tmp_path / "elsewhere").glob("*/*")) == []


def test_a_prompt_has_no_bundle_to_sign(seatrial, home, keys: Path, tmp_path) -> None:
    (tmp_path / "ask.yaml").write_text("template: hello\n")
    code, _, err = seatrial("deploy", "ask.yaml", "--sign-key", str(keys / "ours.key"), "--no-up")
    assert code == Exit.INVALID
    assert "--sign-key" in err


def test_sbom_of_a_version_a_folder_and_an_archive_are_of_one_bundle(
    seatrial, versions, folder: Path
) -> None:
    assert seatrial("bundle", "pack", "churn@1", "-o", "churn.tgz")[0] == Exit.DONE
    found = []
    for what in ("churn@1", str(folder), "./churn.tgz"):
        code, out, err = seatrial("sbom", what)
        assert code == Exit.DONE, err
        found.append(json.loads(out))
    assert [c["name"] for c in found[0]["components"]] == [
        c["name"] for c in found[2]["components"]
    ]
    assert found[1] == found[2]
    assert found[0]["metadata"]["component"]["version"] == "1"
    assert seatrial("sbom", "churn@1", "-o", "x.cdx.json")[0] == Exit.DONE
    assert json.loads(Path("x.cdx.json").read_text()) == found[0]
