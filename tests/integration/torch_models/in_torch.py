"""Run inside an environment with PyTorch: each way into seatrial, and each that is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import warnings
import zipfile
from pathlib import Path
from typing import Any

import mlflow
import nets
import numpy as np
import onnxruntime
import pytest
import torch
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from seatrial.cli.app import run as seatrial

os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ALLOW_FILE_STORE="true")
warnings.simplefilter("ignore")
BATCH = torch.export.Dim("batch")
FREE = [{0: BATCH}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file."""
    folder = tmp_path_factory.mktemp("models")
    os.chdir(folder)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    image, example = nets.Image().eval(), torch.rand(2, 3, 8, 8)
    torch.save(image, "image.pt")
    torch.save(image.state_dict(), "weights.pt")
    torch.save({"epoch": 3, "state_dict": image.state_dict()}, "checkpoint.pt")
    torch.save(image.body, "layers.pt")
    torch.jit.trace(image, (example,), strict=False).save("traced.ts")
    torch.jit.script(nets.Exponential().eval()).save("exponential.ts")
    program = torch.export.export(image, (example,), dynamic_shapes={"image": {0: BATCH}})
    torch.export.save(program, "image.pt2")
    torch.export.save(torch.export.export(image, (example,)), "fixed.pt2")
    pixels, bytes_ = nets.Pixels().eval(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    torch.save(pixels, "pixels.pt")
    program = torch.export.export(pixels, (bytes_,), dynamic_shapes={"image": {0: BATCH}})
    torch.export.save(program, "pixels.pt2")
    half = torch.export.export(torch.nn.Identity(), (torch.rand(2, 4).half(),), dynamic_shapes=FREE)
    torch.export.save(half, "half.pt2")
    torch.jit.script(nets.OnGpu()).save("ongpu.ts")
    torch.save(image.body, "old.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.compile(torch.nn.Linear(4, 1)), "compiled.pt")
    for name in ("Tokens", "Branch", "OneForAll", "OnGpu", "Chosen", "Exits"):
        torch.save(getattr(nets, name)().eval(), f"{name.lower()}.pt")
    wide, rows = nets.wide().eval(), (torch.rand(2, 4),)
    torch.save(wide, "wide.pt")
    torch.save(wide.state_dict(), "weights8.pt")
    torch.jit.trace(wide, rows).save("wide.ts")
    torch.export.save(torch.export.export(wide, rows, dynamic_shapes=FREE), "wide.pt2")
    torch.save([1, 2], "list.pt")
    Path("cut.ts").write_bytes(Path("traced.ts").read_bytes()[:-200])
    with zipfile.ZipFile("layers.pt") as whole, zipfile.ZipFile("damaged.pt", "w") as damaged:
        for part in whole.infolist():
            if part.filename != "layers/data/1":
                damaged.writestr(part, whole.read(part))
    np.savez("image.npz", image=rng.random((60, 3, 8, 8), dtype=np.float32))
    np.savez("pixels.npz", image=rng.integers(0, 256, (60, 3, 8, 8), dtype=np.uint8))
    mask = (rng.random((60, 12)) < 0.8).astype(np.float32)
    np.savez("tokens.npz", ids=rng.integers(0, 100, (60, 12)), mask=mask)
    np.save("rows.npy", rng.normal(size=(200, 4)).astype(np.float32))
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial([*words, "--json", "--home", "home"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "opset"),
    [
        (["layers.pt", "--data", "image.npz"], 18),
        (["traced.ts", "--data", "image.npz"], 18),
        (["compiled.pt", "--data", "rows.npy", "--trust"], 18),
        (["image.pt2", "--trust"], 18),
        (["tokens.pt", "--data", "tokens.npz", "--trust"], 18),
        (["pixels.pt", "--data", "pixels.npz", "--trust", "--to", "torchscript"], None),
        (["pixels.pt2", "--trust"], 18),
        (["checkpoint.pt", "--data", "image.npz", "--class", "nets:Image"], 18),
        (
            ["weights.pt", "--data", "image.npz", "--class", "nets:Image", "--to", "torchscript"],
            None,
        ),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_model_is_written_with_the_same_answers(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str], opset: int | None
) -> None:
    code, made = run(capsys, "export", *words, "-o", "made")
    assert code == 0, made
    assert made["parity"]["passed"]
    assert made["opset"].get("ai.onnx") == opset
    assert (models / "made").stat().st_size == made["bytes"]


@pytest.mark.parametrize("form", ["pickle", "pt2"])
def test_what_mlflow_logged_answers_as_the_model(
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(models / "mlruns"))
    mlflow.set_tracking_uri(str(models / "mlruns"))
    layers = torch.load("layers.pt", weights_only=False)
    example = np.random.default_rng(0).random((5, 3, 8, 8), dtype=np.float32)
    mlflow.pytorch.log_model(
        layers,
        name=form,
        registered_model_name=form,
        serialization_format=form,
        input_example=example if form == "pt2" else None,
        signature=ModelSignature(Schema([TensorSpec(example.dtype, (-1, 3, 8, 8))])),
        pip_requirements=["torch"],
    )
    words = [f"models:/{form}/1", "--data", "image.npz", "-o", "made.onnx"]
    code, made = run(capsys, "export", *words)
    if form == "pt2":
        assert (code, made["error"]["code"]) == (7, "model.unsafe")
        code, made = run(capsys, "export", *words, "--trust")
    assert code == 0, made
    session = onnxruntime.InferenceSession(models / "made.onnx")
    (answers,) = session.run(None, {session.get_inputs()[0].name: example})
    with torch.no_grad():
        np.testing.assert_allclose(answers, layers(torch.from_numpy(example)), atol=1e-5)


def test_the_commands_of_the_page_are_run_as_they_stand(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in _commands() if line.startswith("seatrial export")]
    assert len(lines) == 3
    for line in lines:
        code, made = run(capsys, *shlex.split(line)[1:])
        assert code == 0, made
        assert made["parity"]["passed"]
        assert (models / made["output"]).exists()


def _commands() -> list[str]:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "formats.md"
    blocks = re.findall(r"^```sh torch\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("file", ["traced.ts", "image.pt2"])
def test_the_graph_answers_any_number_of_rows_in_plain_onnx_runtime(
    models: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    assert run(capsys, "export", file, "--data", "image.npz", "--trust", "-o", "made.onnx")[0] == 0
    session = onnxruntime.InferenceSession(models / "made.onnx")
    (given,) = session.get_inputs()
    assert given.shape[1:] == [3, 8, 8]
    original = torch.load("image.pt", weights_only=False)
    for n in (1, 5, 17):
        rows = np.random.default_rng(n).random((n, 3, 8, 8), dtype=np.float32)
        label, likely = session.run(["label", "probabilities"], {given.name: rows})
        with torch.no_grad():
            want = original(torch.from_numpy(rows))
        np.testing.assert_allclose(likely, want["probabilities"].numpy(), atol=1e-5)
        np.testing.assert_array_equal(label, want["label"].numpy())


@pytest.mark.parametrize(
    "words",
    [["wide.pt"], ["wide.ts"], ["wide.pt2", "--trust"], ["weights8.pt", "--class", "nets:wide"]],
    ids=" ".join,
)
def test_int8_says_what_it_costs_and_brings(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, made = run(capsys, "export", *words, "--data", "rows.npy", "--int8")
    assert code == 0, made
    before, after = made["int8"]["n_bytes"]
    assert after < 0.3 * before
    assert after == (models / made["output"]).stat().st_size
    assert made["output"] == f"{Path(words[0]).stem}.int8.onnx"
    assert 0 < made["int8"]["largest"] < 0.1
    assert set(made["int8"]["seconds"]) >= {"1", "64"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["image.pt", "--data", "image.npz"], "model.unsafe", "imports nets.Image"),
        (["image.pt2"], "model.unsafe", "as Python"),
        (["fixed.pt2", "--trust"], "model.unsupported", "[2, 3, 8, 8]"),
        (["weights.pt"], "model.state_dict", "weights without the model"),
        (["weights.pt", "--class", "nets:Tokens"], "model.wrong_class", "do not fit nets:Tokens"),
        (["weights.pt", "--class", "nets:wrong"], "model.wrong_class", "no attribute 'wrong'"),
        (["weights.pt", "--class", "os:getcwd"], "model.wrong_class", "a str, not a torch"),
        (["list.pt"], "model.not_a_model", "holds a list"),
        (["layers.pt"], "signature.needs_sample", "does not show which inputs"),
        (["layers.pt", "--data", "rows.npy"], "engine.failed", "raised RuntimeError"),
        (["oneforall.pt", "--data", "rows.npy", "--trust"], "model.unsupported", "for 8 rows"),
        (["branch.pt", "--data", "rows.npy", "--trust"], "export.no_way", "data-dependent"),
        (["exponential.ts", "--data", "rows.npy"], "export.no_way", "aten::linalg_matrix_exp"),
        (["image.pt2", "--trust", "--to", "torchscript"], "export.no_way", "cannot trace"),
        (["half.pt2", "--trust"], "model.unsupported", "is torch.float16"),
        (["ongpu.pt", "--data", "rows.npy", "--trust"], "model.unsupported", "an accelerator"),
        (["ongpu.ts", "--data", "rows.npy"], "model.unsupported", "an accelerator"),
        (["chosen.pt", "--data", "rows.npy", "--trust"], "model.unsupported", "for 8 rows"),
        (["exits.pt", "--data", "rows.npy", "--trust"], "engine.failed", "raised SystemExit"),
        (["old.pt", "--data", "image.npz"], "model.unknown_format", "before PyTorch 1.6"),
        (["cut.ts"], "model.corrupt", "breaks off"),
        (["damaged.pt", "--data", "image.npz"], "model.corrupt", "damaged.pt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_written_is_said_and_nothing_is(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str, said: str
) -> None:
    exit_code, answer = run(capsys, "export", *words, "-o", "nothing")
    assert exit_code != 0
    assert answer["error"]["code"] == code, answer
    assert said in answer["error"]["problem"]
    assert answer["error"]["remedy"]
    assert not (models / "nothing").exists()


def test_a_graph_is_staged_without_torch_and_what_has_none_with_it(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = run(capsys, "deploy", "tokens.pt", "--data", "tokens.npz", "--trust")
    assert code == 0
    code, _ = run(capsys, "deploy", "exponential.ts", "--data", "rows.npy")
    assert code == 0
    releases = models / "home" / "releases"
    pins = {n: _pins(releases / n / "1") for n in ("tokens", "exponential")}
    assert "torch" not in pins["tokens"]
    assert {"torch", "numpy"} <= pins["exponential"]


def _pins(release: Path) -> set[str]:
    (found,) = release.rglob("bundle/requirements.txt")
    return {line.partition("==")[0] for line in found.read_text("utf-8").splitlines()}
