"""Run inside an environment with TensorFlow: each way into seatrial, and each that is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import zipfile
from pathlib import Path
from typing import Any

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import h5py
import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from tensorflow.python.saved_model.loader_impl import parse_saved_model

from seatrial.adapters.grpc.tfserving_messages import messages
from seatrial.adapters.serving.tfserving_server import specs
from seatrial.adapters.tables.sample_file import read_sample
from seatrial.cli.app import run as seatrial
from seatrial.packaging.session import ModelSession
from seatrial.serving.oip import ModelMetadata
from seatrial.serving.wires import fit

ROWS = np.random.default_rng(0).random((40, 8, 8, 3), dtype=np.float32)


class Own(keras.Model):
    """A class that exists only here."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.head = keras.layers.Dense(1)

    def call(self, rows: Any) -> Any:
        return self.head(rows)


def image() -> keras.Model:
    """Classes of small images."""
    given = keras.Input((8, 8, 3), name="image")
    found = keras.layers.Conv2D(4, 3, activation="relu")(given)
    found = keras.layers.BatchNormalization()(found)
    found = keras.layers.Dense(5, activation="softmax")(keras.layers.Flatten()(found))
    return keras.Model(given, found)


def pixels() -> keras.Model:
    """Classes of images of bytes, as a camera gives them."""
    given = keras.Input((8, 8, 3), dtype="uint8", name="image")
    found = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(given))
    return keras.Model(given, keras.layers.Dense(5, activation="softmax")(found))


def tokens() -> keras.Model:
    """Two inputs, one of whole numbers, and two answers by name."""
    ids = keras.Input((12,), dtype="int32", name="ids")
    weight = keras.Input((1,), name="weight")
    mean = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(100, 8)(ids))
    both = keras.layers.Concatenate()([mean, weight])
    score, kinds = keras.layers.Dense(1)(both), keras.layers.Dense(3)(both)
    return keras.Model([ids, weight], {"score": score, "kinds": kinds})


def words() -> keras.Model:
    """A score of a text, with the vocabulary in the model: ONNX has no such table."""
    split = keras.layers.TextVectorization(output_sequence_length=4)
    split.adapt(["good film", "bad film", "what a day"])
    given = keras.Input((1,), dtype="string", name="text")
    found = keras.layers.Embedding(20, 4)(split(given))
    return keras.Model(given, keras.layers.Dense(1)(keras.layers.Flatten()(found)))


class Functions(tf.Module):
    """Two signatures, as TensorFlow alone writes them."""

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def double(self, x: Any) -> Any:
        return {"twice": x * 2}

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def total(self, x: Any) -> Any:
        return {"total": tf.reduce_sum(x, 1)}

    @tf.function(input_signature=[tf.TensorSpec((2, 4), tf.float32, name="x")])
    def fixed(self, x: Any) -> Any:
        return {"twice": x * 2}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of file."""
    folder = tmp_path_factory.mktemp("models")
    os.chdir(folder)
    keras.utils.set_random_seed(0)
    net = image()
    net.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    net.save("image.keras")
    net.save("image.h5")
    net.save_weights("only.weights.h5")
    net.export("exported", verbose=False)
    tokens().save("tokens.keras")
    tokens().save("tokens.h5")
    words().save("words.keras")
    pixels().save("pixels.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save("line.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(abs_of)]).save("lambda.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)]).save("lambda.h5")
    keras.Sequential([keras.Input((None, 4)), keras.layers.LSTM(2)]).save("free.keras")
    big = wide()
    big.save("wide.keras")
    big.export("widely", verbose=False)
    own = Own()
    own(np.zeros((2, 4), np.float32))
    own.save("own.keras")
    both = Functions()
    signatures = {"serving_default": both.double, "total": both.total, "fixed": both.fixed}
    tf.saved_model.save(both, "functions", signatures=signatures)
    tf.saved_model.save(tf.Module(), "unsigned")
    odd = {
        "half": tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec((None, 4), "half")]),
        "complex": tf.function(
            lambda x: {"y": tf.complex(x, x)}, input_signature=[tf.TensorSpec((None, 4))]
        ),
        "turned": tf.function(
            lambda x: {"y": tf.transpose(x)}, input_signature=[tf.TensorSpec((None, 4))]
        ),
        "inputless": tf.function(lambda: {"y": tf.zeros(3)}, input_signature=[]),
        "shapeless": tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec(None)]),
    }
    tf.saved_model.save(tf.Module(), "odd", signatures=odd)
    damaged(folder)
    np.savez("image.npz", image=ROWS)
    np.save("rows.npy", ROWS[:, 0, :2, :2].reshape(-1, 4))
    ids = np.random.default_rng(1).integers(0, 100, (40, 12))
    np.savez("tokens.npz", ids=ids, weight=ROWS[:, 0, 0, 0])
    Path("texts.csv").write_text("text\n" + "good film\nbad day\na film\n" * 9, "utf-8")
    return folder


def abs_of(rows: Any) -> Any:
    return keras.ops.abs(rows)


def wide() -> keras.Model:
    """Enough weights for int8 to be worth it."""
    dense = [keras.layers.Dense(512, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((4,)), *dense, keras.layers.Dense(1)])


def damaged(folder: Path) -> None:
    """Files that break off, lead elsewhere or lack a part."""
    (folder / "cut.keras").write_bytes((folder / "image.keras").read_bytes()[:-200])
    rewritten(folder, "upwards.keras", {"assets/../../evil": b"evil"})
    with h5py.File(folder / "weights.h5", "w") as weights:
        weights["secret"] = h5py.ExternalLink("/etc/passwd", "/")
    rewritten(folder, "linked.keras", {"model.weights.h5": (folder / "weights.h5").read_bytes()})
    shutil.copy(folder / "image.h5", folder / "linked.h5")
    with h5py.File(folder / "linked.h5", "r+") as weights:
        del weights["model_weights/conv2d"]
        weights["model_weights/conv2d"] = h5py.ExternalLink("image.h5", "/model_weights/conv2d")
    rewritten(folder, "weightless.keras", {"model.weights.h5": b"none"})
    (folder / "hollow").mkdir()
    (folder / "hollow" / "saved_model.pb").write_bytes(b"\x08\x01nonsense")
    (folder / "empty").mkdir()
    for name, parts in (("novars", ()), ("cutvars", ("variables.index",))):
        shutil.copytree(folder / "exported", folder / name)
        for part in (folder / name / "variables").iterdir():
            if part.name not in parts:
                part.unlink()


def rewritten(folder: Path, name: str, parts: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "image.keras") as whole, zipfile.ZipFile(name, "w") as made:
        for part in {*whole.namelist(), *parts}:
            made.writestr(part, parts[part] if part in parts else whole.read(part))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial([*words, "--json", "--home", "home"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "opset"),
    [
        (["image.keras"], 18),
        (["image.h5"], 18),
        (["line.keras", "--data", "rows.npy"], 18),
        (["tokens.keras", "--data", "tokens.npz"], 18),
        (["pixels.keras"], 18),
        (["functions", "--data", "rows.npy", "--trust", "--signature", "total"], 18),
        (["tokens.h5", "--data", "tokens.npz", "--to", "savedmodel"], None),
        (["words.keras", "--data", "texts.csv", "--to", "savedmodel"], None),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_model_is_written_with_the_same_answers(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str], opset: int | None
) -> None:
    name = f"made-{len(list(models.iterdir()))}"
    code, made = run(capsys, "export", *words, "-o", name)
    assert code == 0, made
    assert made["parity"]["passed"]
    assert made["opset"].get("ai.onnx") == opset
    assert (models / name).is_dir() == ("savedmodel" in words)
    assert not list(models.glob(".made*"))


def test_the_commands_of_the_page_are_run_as_they_stand(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "formats.md"
    blocks = re.findall(r"^```sh tensorflow\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 3
    for line in lines:
        code, made = run(capsys, *shlex.split(line)[1:])
        assert code == 0, made
        assert made["parity"]["passed"]
        assert (models / made["output"]).exists()


@pytest.mark.parametrize("source", ["image.keras", "exported"])
def test_the_graph_answers_any_number_of_rows_in_plain_onnx_runtime(
    models: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    words = [source, "--data", "image.npz", "--trust", "-o", "plain.onnx"]
    assert run(capsys, "export", *words)[0] == 0
    session = onnxruntime.InferenceSession(models / "plain.onnx")
    original = keras.saving.load_model("image.keras")
    answer = "probabilities" if source == "image.keras" else "output_0"
    for n in (1, 5, 17):
        (likely,) = session.run([answer], {"image": ROWS[:n]})
        np.testing.assert_allclose(likely, original(ROWS[:n]).numpy(), atol=1e-5)


def test_a_written_savedmodel_answers_plain_tensorflow_by_the_same_names(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["image.keras", "--data", "image.npz", "--to", "savedmodel", "-o", "served/1"]
    Path("served").mkdir()
    assert run(capsys, "export", *words)[0] == 0
    assert {p.name for p in Path("served/1").iterdir()} >= {"saved_model.pb", "variables"}
    assert not Path("served/1/seatrial.signature").exists()
    serve = tf.saved_model.load("served/1").signatures["serving_default"]
    found = serve(image=tf.constant(ROWS[:3]))
    want = keras.saving.load_model("image.keras")(ROWS[:3]).numpy()
    np.testing.assert_allclose(found["probabilities"], want, atol=1e-6)
    np.testing.assert_array_equal(found["label"], want.argmax(-1))
    code, again = run(capsys, "export", *words)
    assert code != 0
    assert "cannot be written" in again["error"]["problem"]


@pytest.mark.parametrize("words", [["wide.keras"], ["widely", "--trust"]], ids=" ".join)
def test_int8_says_what_it_costs_and_brings(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    code, made = run(capsys, "export", *words, "--data", "rows.npy", "--int8", "-o", "8.onnx")
    assert code == 0, made
    before, after = made["int8"]["n_bytes"]
    assert after < 0.3 * before
    assert after == (models / "8.onnx").stat().st_size
    assert 0 < made["int8"]["largest"] < 0.1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lambda.keras", "--data", "rows.npy"], "model.unsafe", "keras.layers.Lambda"),
        (["lambda.h5", "--data", "rows.npy"], "model.unsafe", "Lambda"),
        (["only.weights.h5"], "model.unknown_format", "weights alone"),
        (["linked.h5", "--trust"], "model.unsafe", "another file"),
        (["own.keras", "--data", "rows.npy"], "model.unsafe", "Own"),
        (["own.keras", "--data", "rows.npy", "--trust"], "model.lost_definition", "Own"),
        (["exported"], "model.unsafe", "read and write files"),
        (["unsigned", "--trust"], "model.no_signature", "without signatures"),
        (["functions", "--trust", "--signature", "no"], "model.no_signature", "'no'"),
        (["image.keras", "--signature", "total"], "model.no_signature", "is none"),
        (["functions", "--trust", "--signature", "fixed"], "model.unsupported", "[2, 4]"),
        (["odd", "--trust", "--signature", "half"], "model.unsupported", "is float16"),
        (
            ["odd", "--data", "rows.npy", "--trust", "--signature", "complex"],
            "model.unsupported",
            "is complex64",
        ),
        (
            ["odd", "--data", "rows.npy", "--trust", "--signature", "turned"],
            "model.unsupported",
            "[4, 8] for 8 rows",
        ),
        (
            ["odd", "--data", "rows.npy", "--trust", "--signature", "inputless"],
            "model.unsupported",
            "takes no inputs",
        ),
        (["odd", "--trust", "--signature", "shapeless"], "model.unsupported", "shape unknown"),
        (["novars", "--trust"], "model.corrupt", "cannot be loaded"),
        (["cutvars", "--trust"], "model.corrupt", "cannot be loaded"),
        (["free.keras", "--data", "rows.npy"], "model.unsupported", "['n', 'n', 4]"),
        (["image.keras", "--data", "tokens.npz"], "sample.mismatch", "lacks the column"),
        (["tokens.keras", "--data", "wrong.npz"], "sample.mismatch", "in the shape"),
        (["words.keras", "--data", "texts.csv"], "export.no_way", "tf2onnx cannot convert"),
        (["made.onnx", "--data", "rows.npy", "--to", "savedmodel"], "export.no_way", "of onnx"),
        (["exported", "--trust", "--to", "savedmodel"], "export.no_way", "of tensorflow"),
        (["made.onnx", "--data", "rows.npy", "--to", "tf-serving"], "export.no_way", "of onnx"),
        (["exported", "--to", "tf-serving"], "model.unsafe", "read and write files"),
        (["image.keras", "--to", "tf-serving", "--name", "Ü"], "model.name_invalid", "a-z"),
        (["line.keras", "--data", "rows.npy", "--to", "torchscript"], "export.no_way", "PyTorch"),
        (["cut.keras"], "model.corrupt", "breaks off"),
        (["upwards.keras"], "model.corrupt", "outside its folder"),
        (["linked.keras", "--trust"], "model.unsafe", "another file"),
        (["weightless.keras"], "model.corrupt", "cannot be loaded"),
        (["hollow", "--trust"], "model.corrupt", "cannot be loaded"),
        (["empty"], "model.unknown_format", "saved_model.pb, as"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_written_is_said_and_nothing_is(
    models: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str, said: str
) -> None:
    ids = np.zeros((40, 3), np.int64)
    np.savez("wrong.npz", ids=ids, weight=ROWS[:, 0, 0, 0])
    if words[0] == "made.onnx":
        assert run(capsys, "export", "line.keras", "--data", "rows.npy", "-o", "made.onnx")[0] == 0
    exit_code, answer = run(capsys, "export", *words, "-o", "nothing")
    assert exit_code != 0, answer
    assert answer["error"]["code"] == code, answer
    assert said in answer["error"]["problem"]
    assert answer["error"]["remedy"]
    assert not (models / "nothing").exists()


def test_tensorflow_serving_is_given_versions_that_stand_beside_each_other(
    models: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "engines.md"
    (block,) = re.findall(r"^```sh tfexport\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    commands = [line for line in block.splitlines() if line.startswith("seatrial")]
    Path("churn.keras").write_bytes(Path("image.keras").read_bytes())
    np.savez("rows.npz", image=ROWS)
    for version, line in enumerate(commands, 1):
        code, made = run(capsys, *shlex.split(line)[1:])
        assert code == 0, made
        assert made["parity"]["passed"]
        assert made["output"] == f"models/churn/{version}"
    assert version == 2
    _fits_the_bundle(Path("models/churn/1"))
    want = keras.saving.load_model("image.keras")(ROWS[:3]).numpy()
    for folder in sorted(Path("models/churn").iterdir()):
        serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
        found = serve(image=tf.constant(ROWS[:3]))
        np.testing.assert_allclose(found["probabilities"], want, atol=1e-6)
        requests = tf.data.TFRecordDataset(str(folder / "assets.extra/tf_serving_warmup_requests"))
        assert len(list(requests)) == 2
    shutil.copytree("models", pytestconfig.rootpath / "models")
    assert {p.name for p in Path("models").iterdir()} == {
        "churn",
        "models.config",
        "batching.config",
        "monitoring.config",
    }


def _fits_the_bundle(folder: Path) -> None:
    """What a server says of the version is what the model's bundle promises."""
    saved = parse_saved_model(str(folder)).meta_graphs[0].signature_def["serving_default"]
    defined = messages()["SignatureDef"].FromString(saved.SerializeToString())
    described = ModelMetadata(inputs=specs(defined.inputs), outputs=specs(defined.outputs))
    with ModelSession() as session:
        session.load(Path("churn.keras"))
        signature, _ = session.introduce(read_sample(Path("image.npz")))
    (sent,) = fit("churn", signature, described).tensors({"image": ROWS})
    assert sent.values.shape == ROWS.shape


def test_a_savedmodel_is_given_as_it_is_with_the_signature_that_was_chosen(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["functions", "--data", "rows.npy", "--trust", "--signature", "total"]
    code, made = run(capsys, "export", *words, "--to", "tf-serving", "-o", "given")
    assert code == 0, made
    folder = Path(made["output"])
    assert folder == Path("given/functions/1")
    assert set(tf.saved_model.load(str(folder)).signatures) == {"serving_default", "total", "fixed"}
    graph = folder / "saved_model.pb"
    assert graph.read_bytes() == Path("functions/saved_model.pb").read_bytes()
    (record, *_) = tf.data.TFRecordDataset(str(folder / "assets.extra/tf_serving_warmup_requests"))
    assert b"total" in record.numpy()


def test_a_trusted_lambda_is_loaded_with_its_code(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)]).save("two.keras")
    code, made = run(capsys, "export", "two.keras", "--data", "rows.npy", "--trust", "-o", "two")
    assert code == 0, made
    assert made["parity"]["passed"]


def test_a_graph_is_staged_without_tensorflow_and_what_has_none_with_it(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ["words.keras", "--data", "texts.csv"],
        ["functions", "--data", "rows.npy", "--trust", "--signature", "total"],
    ):
        code, done = run(capsys, "deploy", *words)
        assert code == 0, done
    releases = models / "home" / "releases"
    pins = {name: _pins(releases / name / "1") for name in ("words", "functions")}
    assert "tensorflow-cpu" not in pins["functions"]
    assert {"tensorflow-cpu", "keras", "numpy"} <= pins["words"]


def _pins(release: Path) -> set[str]:
    (found,) = release.rglob("bundle/requirements.txt")
    return {line.partition("==")[0] for line in found.read_text("utf-8").splitlines()}
