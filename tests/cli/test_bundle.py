"""bundle pack, unpack, verify, and deploying what was packed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.exits import Exit
from seatrial.registry.bundle import Bundle
from tests.cli.constant_bundle import make


@pytest.fixture
def archive(versions, seatrial, tmp_path: Path) -> Path:
    code, _, err = seatrial("bundle", "pack", "churn@1", "-o", str(tmp_path / "churn.tgz"))
    assert code == Exit.DONE, err
    return tmp_path / "churn.tgz"


def test_without_a_version_the_newest_is_packed_where_none_is_in_production(
    versions, seatrial, tmp_path
) -> None:
    code, out, err = seatrial("bundle", "pack", "churn", "--json")
    record = json.loads(out)
    assert code == Exit.DONE, err
    assert (record["version"], record["digest"]) == (2, versions[1].digest)
    assert record["archive"] == "churn-2.seatrial.tar.gz"
    assert record["archive_bytes"] == (tmp_path / record["archive"]).stat().st_size


def test_without_a_version_the_one_in_production_is_packed(versions, filled, seatrial) -> None:
    _, out, _ = seatrial("bundle", "pack", "churn", "--json")
    assert json.loads(out)["version"] == 1


def test_packing_twice_gives_the_same_bytes(archive, seatrial, tmp_path) -> None:
    before = archive.read_bytes()
    code, _, err = seatrial("bundle", "pack", "churn@1", "-o", str(archive))
    assert (code, archive.read_bytes()) == (Exit.DONE, before)
    assert "churn version 1" in err


def test_what_is_packed_unpacks_equal(versions, archive, seatrial, tmp_path) -> None:
    for _ in range(2):  # the second finds the equal bundle there
        code, out, _ = seatrial("bundle", "unpack", str(archive), "-o", "here", "--json")
        record = json.loads(out)
        assert (code, record["digest"]) == (Exit.DONE, versions[0].digest)
    Bundle.open(tmp_path / "here", digest=versions[0].digest)


def test_a_folder_with_something_else_in_it_is_left_alone(archive, seatrial, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    code, _, err = seatrial("bundle", "unpack", str(archive), "-o", "mine")
    assert code == Exit.CONFLICT
    assert "'mine'" in err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_an_archive_a_folder_and_a_version_are_verified_alike(
    versions, archive, seatrial, home
) -> None:
    folder = home.folder / "bundles" / versions[0].digest
    records = []
    for subject in (str(archive), str(folder), "churn@1"):
        code, out, err = seatrial("bundle", "verify", subject, "--json")
        assert code == Exit.DONE
        assert versions[0].digest in err
        records.append({k: v for k, v in json.loads(out).items() if k != "version"})
    assert records[0] == records[1] == records[2]


def test_a_changed_byte_is_found_in_all_three(versions, archive, seatrial, home) -> None:
    raw = bytearray(gzip.decompress(archive.read_bytes()))
    raw[raw.index(b"ConstantOfShape")] ^= 1
    archive.write_bytes(gzip.compress(bytes(raw)))
    folder = home.folder / "bundles" / versions[0].digest
    (folder / "model.onnx").write_bytes(b"A graph")
    for subject in (str(archive), str(folder), "churn@1"):
        code, out, _ = seatrial("bundle", "verify", subject, "--json")
        assert (code, json.loads(out)["error"]["code"]) == (Exit.INVALID, "bundle.tampered")
    code, _, _ = seatrial("bundle", "pack", "churn@1", "-o", "bad.tgz")
    assert code == Exit.INVALID
    assert not Path("bad.tgz").exists()


@pytest.mark.parametrize(
    ("subject", "code", "told"),
    [
        ("sales", Exit.NOT_FOUND, "There is no model 'sales'."),
        ("churn@7", Exit.NOT_FOUND, "has no version 7, only 1 to 2"),
        ("churn@", Exit.INVALID, "'churn@' names no version"),
        ("churn@two", Exit.INVALID, "Write churn or churn@VERSION"),
        ("churn@0", Exit.INVALID, "names no version"),
        ("./none.tgz", Exit.NOT_FOUND, "There is no file 'none.tgz'."),
        (".", Exit.INVALID, "a folder without it is no bundle"),
    ],
)
def test_a_subject_that_is_not_there_is_named(versions, seatrial, subject, code, told) -> None:
    found, _, err = seatrial("bundle", "verify", subject)
    assert (found, told in err) == (code, True), err


def test_a_version_whose_bundle_is_gone_is_not_packed(versions, seatrial, home) -> None:
    (home.folder / "bundles" / versions[0].digest).rename(home.folder / "moved")
    code, _, err = seatrial("bundle", "pack", "churn@1")
    assert code == Exit.NOT_FOUND
    assert "There is no bundle" in err


def elsewhere(tmp_path: Path) -> tuple[str, str]:
    return ("--home", str(tmp_path / "elsewhere"))


def left_of(home: Path) -> list[str]:
    """What a refused archive left in a home: bundles, release folders, facts."""
    store = SqliteStore.from_url(f"sqlite:///{home / 'seatrial.db'}")
    streams = store.streams()
    store.close()
    found = [p for name in ("bundles", "releases") for p in (home / name).glob("*")]
    return [*map(str, found), *streams]


def test_an_archive_is_deployed_as_it_was_packed(versions, archive, seatrial, tmp_path) -> None:
    code, out, err = seatrial(
        "deploy", str(archive), "--no-wait", "--no-up", "--json", *elsewhere(tmp_path)
    )
    record = json.loads(out)
    assert code == Exit.DONE, err
    assert (record["name"], record["release"]["version"]) == ("churn", 1)
    assert record["release"]["phase"] == "staging"
    assert "export" not in err
    _, out, _ = seatrial("bundle", "verify", "churn@1", "--json", *elsewhere(tmp_path))
    assert json.loads(out)["digest"] == versions[0].digest
    files = tmp_path / "elsewhere" / "releases" / "churn" / "1"
    assert (files / "Dockerfile").is_file()


@pytest.mark.parametrize("option", [["--data", "x.csv"], ["--label", "y"], ["--any-version"]])
def test_an_option_that_says_how_to_package_is_refused(archive, seatrial, option, tmp_path) -> None:
    code, _, err = seatrial("deploy", str(archive), *option, *elsewhere(tmp_path))
    assert code == Exit.INVALID
    assert f"{option[0]} was given" in err


def hostile(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """An archive with one entry that no bundle has, after one that it may have."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT) as opened:
        fine = tarfile.TarInfo("model.onnx")
        fine.size = 4
        opened.addfile(fine, io.BytesIO(b"fine"))
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        opened.addfile(info, io.BytesIO())
    return out.getvalue()


def bomb() -> bytes:
    header = tarfile.TarInfo("model.onnx")
    header.size = 1 << 45
    return gzip.compress(header.tobuf(format=tarfile.GNU_FORMAT) + bytes(1 << 20))


HOSTILE: dict[str, tuple[Callable[[], bytes], Exit]] = {
    "above": (lambda: hostile("../escaped"), Exit.DENIED),
    "absolute": (lambda: hostile("/tmp/escaped"), Exit.DENIED),
    "symlink": (lambda: hostile("a", kind=tarfile.SYMTYPE, link="/etc/passwd"), Exit.DENIED),
    "hard link": (lambda: hostile("a", kind=tarfile.LNKTYPE, link="../x"), Exit.DENIED),
    "device": (lambda: hostile("a", kind=tarfile.CHRTYPE), Exit.DENIED),
    "fifo": (lambda: hostile("a", kind=tarfile.FIFOTYPE), Exit.DENIED),
    "twice": (lambda: hostile("model.onnx"), Exit.DENIED),
    "bomb": (bomb, Exit.LIMIT),
    "no bundle": (lambda: hostile("b"), Exit.INVALID),
    "half": (lambda: hostile("b")[:-12], Exit.INVALID),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_everywhere_and_leaves_nothing(
    home, seatrial, tmp_path, name
) -> None:
    made, code = HOSTILE[name]
    (tmp_path / "bad.seatrial.tar.gz").write_bytes(made())
    before = sorted(p for p in tmp_path.rglob("*") if home.folder not in p.parents)
    for command in (
        ("deploy", "bad.seatrial.tar.gz", "--target", "production"),
        ("bundle", "verify", "bad.seatrial.tar.gz"),
        ("bundle", "unpack", "bad.seatrial.tar.gz", "-o", "out"),
        ("serve-bundle", "bad.seatrial.tar.gz"),
    ):
        found, _, err = seatrial(*command)
        assert found == code, (command, err)
        assert "bundle." in err
        assert ".incoming" not in err
    assert left_of(home.folder) == []
    assert sorted(p for p in tmp_path.rglob("*") if home.folder not in p.parents) == before


def test_a_gzipped_pickle_is_no_archive(home, seatrial, tmp_path) -> None:
    (tmp_path / "model.pkl.gz").write_bytes(gzip.compress(b"\x80\x04N."))
    code, out, _ = seatrial("deploy", "model.pkl.gz", "--json")
    assert code == Exit.INVALID
    assert json.loads(out)["error"]["code"].startswith("model.")


@pytest.mark.parametrize("trust", [False, True])
def test_an_archive_that_was_vouched_for_elsewhere_is_served_only_with_trust(
    home, seatrial, tmp_path, monkeypatch, trust
) -> None:
    from seatrial.registry.archive import pack
    from seatrial.wiring.deploying import standalone

    served: list[str] = []

    def serve(bundle: Bundle, **_: object) -> None:
        served.append(Bundle.open(bundle.path).digest)

    monkeypatch.setattr(standalone, "serve_bundle", serve)
    vouched = make(tmp_path / "made", age=1.0, trusted=True)
    pack(vouched, tmp_path / "v.tgz")
    code, _, err = seatrial("serve-bundle", "v.tgz", *(["--trust"] if trust else []))
    assert (code, served) == ((Exit.DONE, [vouched.digest]) if trust else (Exit.DENIED, []))
    assert trust or "vouched for it there" in err


def test_a_folder_is_served_where_it_lies(home, seatrial, tmp_path, monkeypatch) -> None:
    from seatrial.wiring.deploying import standalone

    served: list[Path] = []
    monkeypatch.setattr(standalone, "serve_bundle", lambda bundle, **_: served.append(bundle.path))
    bundle = make(tmp_path / "made", age=1.0)
    seatrial("serve-bundle", str(bundle.path))
    assert served == [bundle.path]
