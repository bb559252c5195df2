"""PyTorch's files, told apart and judged without PyTorch."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from seatrial.registry.compression import Compression
from seatrial.registry.model_file import CorruptModel, FileFormat, UnknownFormat, detect
from seatrial.registry.scan import ScanReport, scan
from seatrial.registry.unsafe import LostDefinition, UnsafeModel

LINEAR = b"ctorch.nn.modules.linear\nLinear\n"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000tQ"


def pickled(*globals_: bytes) -> bytes:
    """A pickle of protocol 2 that imports something and refers to a storage beside it."""
    return b"\x80\x02(" + b"".join(globals_) + STORAGE + b"l."


def archive(path: Path, parts: Mapping[str, bytes], *, folder: str = "net") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(f"{folder}/{name}", content)
    return path


def saved(path: Path, pickle: bytes) -> Path:
    return archive(path, {"data.pkl": pickle, "version": b"3\n", "data/0": b"\0" * 16})


def script(path: Path, code: str) -> Path:
    parts = {"data.pkl": b"\x80\x02}.", "constants.pkl": b"\x80\x02).", "version": b"3\n"}
    return archive(path, parts | {"code/__torch__.py": code.encode()})


def program(path: Path) -> Path:
    return archive(path, {"archive_format": b"pt2", "models/model.json": b"{}", "version": b"0"})


def scanned(path: Path, *, trust: bool = False, limit: int = 1 << 20) -> ScanReport:
    return scan(path, trust=trust, second_opinion=lambda _: frozenset(), limit=limit)


def test_the_three_kinds_are_told_by_their_content(tmp_path: Path) -> None:
    files = {
        FileFormat.TORCH: saved(tmp_path / "a", pickled(LINEAR)),
        FileFormat.TORCHSCRIPT: script(tmp_path / "b", ""),
        FileFormat.TORCH_EXPORT: program(tmp_path / "c"),
    }
    for kind, path in files.items():
        assert detect(path, limit=1 << 20) == (kind, Compression.NONE)


def test_layers_and_tensors_of_pytorch_need_no_trust(tmp_path: Path) -> None:
    found = scanned(saved(tmp_path / "net.pt", pickled(LINEAR, TENSOR)))
    assert found.format is FileFormat.TORCH
    assert found.outside == ()
    assert "torch.nn.modules.linear.Linear" in found.imports
    assert "torch" in found.imports


@pytest.mark.parametrize(
    "wanted",
    [
        b"cos\nsystem\n",
        b"cposix\nsystem\n",
        b"ctorch.hub\nload\n",
        b"ctorch\nload\n",
        b"ctorch.nn.modules.module\nwarnings.warn\n",
        b"ctorch.nn.modules.module\ncallable\n",
        b"ctorch.utils.cpp_extension\nload\n",
        b"cmynets\nNet\n",
    ],
)
def test_anything_else_needs_trust(tmp_path: Path, wanted: bytes) -> None:
    path = saved(tmp_path / "net.pt", pickled(LINEAR, wanted))
    with pytest.raises(UnsafeModel):
        scanned(path)
    assert scanned(path, trust=True).outside


def test_a_class_of_the_script_that_saved_it_is_lost(tmp_path: Path) -> None:
    with pytest.raises(LostDefinition, match="'Net'"):
        scanned(saved(tmp_path / "net.pt", pickled(b"c__main__\nNet\n")), trust=True)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("return torch.from_file('/etc/passwd')", "from_file"),
        ("torch.save(x, '/tmp/x')", "save"),
        ("t = torch\nt.save (x, 'y')", "save"),
        ("ops.debugprims.load_tensor('x', [1])", "load_tensor"),
        ('getattr(torch, "sa" "ve")(x)', "getattr"),
        ('getattr(torch, "\\x73ave")(x)', "getattr"),
        ("g = getattr", "getattr"),
    ],
)
def test_a_script_that_can_reach_files_needs_trust(tmp_path: Path, code: str, word: str) -> None:
    path = script(tmp_path / "net.ts", f"def forward(self, x):\n  {code}\n")
    with pytest.raises(UnsafeModel, match=f"'{word}'") as refused:
        scanned(path)
    assert "--trust" in refused.value.remedy
    assert scanned(path, trust=True).trusted


def test_a_script_that_only_computes_needs_none(tmp_path: Path) -> None:
    code = (
        'def forward(self, x):\n  _0 = getattr(self.f, "0")\n  return torch.relu((_0).forward(x))'
    )
    assert scanned(script(tmp_path / "net.ts", code)).format is FileFormat.TORCHSCRIPT


def test_an_exported_program_needs_trust_since_loading_it_runs_expressions(tmp_path: Path) -> None:
    path = program(tmp_path / "net.pt2")
    with pytest.raises(UnsafeModel, match="as Python") as refused:
        scanned(path)
    assert "TorchScript or ONNX" in refused.value.remedy
    assert scanned(path, trust=True).format is FileFormat.TORCH_EXPORT


@pytest.mark.parametrize(
    "pickle", [b"", b"\x80\x02", b"\x80\x02c", b"\x80\x02(" + STORAGE, b"\xff" * 50]
)
def test_a_damaged_pickle_inside_is_said(tmp_path: Path, pickle: bytes) -> None:
    with pytest.raises(CorruptModel, match=r"net\.pt is a damaged PyTorch file"):
        scanned(saved(tmp_path / "net.pt", pickle))


def test_a_file_that_breaks_off_is_damaged(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pt", pickled(LINEAR))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorruptModel, match="breaks off"):
        scanned(path)


def test_two_pickles_of_one_name_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pt", pickled(LINEAR))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("other/data.pkl", pickled(b"cos\nsystem\n"))
    with pytest.raises(CorruptModel, match="2 entries"):
        scanned(path)


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    parts = {"data.pkl": pickled(LINEAR), "version": b"3\n", "data/0": b"\0" * 5_000_000}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(f"net/{name}", content)
    with pytest.raises(CorruptModel, match="unpacks to more than"):
        scanned(path)


def test_another_zip_archive_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="neither PyTorch nor skops nor Keras") as refused:
        scanned(archive(tmp_path / "docs.zip", {"readme.txt": b"hi"}))
    assert "torch.save" in refused.value.remedy
