"""Run inside an environment with transformers: folders that answer, and each that is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import numpy as np
import pytest
import tiny_models
import torch
import transformers

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.cli.app import run as seatrial
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

TEXTS = (
    *("a good film", "bad", "", " ", "这部电影非常好看，我很喜欢", "🙂 👩‍👩‍👧 été", "<s>[CLS]</s>"),
    *("word " * 300, "价格太贵" * 40, "What a BAD film!!"),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every kind of folder."""
    folder = tmp_path_factory.mktemp("models")
    os.chdir(folder)
    transformers.set_seed(0)
    tiny_models.bert(folder / "bert")
    several = {"problem_type": "multi_label_classification"}
    pickled(tiny_models.roberta(folder / "several", **several))
    worded(tiny_models.distilbert(folder / "number", num_labels=1, id2label={0: "stars"}))
    tiny_models.gpt2(folder / "gpt2")
    rows = [{"text": text, "label": "neutral", "id": k} for k, text in enumerate(TEXTS * 4)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "texts.jsonl").write_text(lines, "utf-8")
    refused(folder)
    return folder


def pickled(folder: Path) -> None:
    """Weights as older versions write them."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def worded(folder: Path) -> None:
    """A tokenizer as older versions write it: a vocabulary alone."""
    words = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    ordered = sorted(words, key=words.__getitem__)
    (folder / "vocab.txt").write_text("\n".join(ordered) + "\n", "utf-8")
    (folder / "tokenizer.json").unlink()


class Hostile:
    """Weights that run a program when they are unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def refused(folder: Path) -> None:
    """Folders that answer no texts, bring code, or lack something."""
    for name in ("adapter", "tokens", "causal", "code", "wordless", "hostile", "cut", "headless"):
        shutil.copytree(folder / "bert", folder / name)
    (folder / "adapter" / "model.safetensors").unlink()
    (folder / "adapter" / "adapter_config.json").write_text("{}")
    changed(folder / "tokens", architectures=["BertForTokenClassification"])
    changed(folder / "causal", architectures=["LlamaForCausalLM"])
    changed(folder / "code", auto_map={"AutoModel": "mine.Mine"})
    (folder / "wordless" / "tokenizer.json").unlink()
    (folder / "hostile" / "model.safetensors").unlink()
    torch.save({"weights": Hostile()}, folder / "hostile" / "pytorch_model.bin")
    weights = folder / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    base = transformers.BertModel.from_pretrained(folder / "bert")
    base.save_pretrained(folder / "headless")
    changed(folder / "headless", architectures=["BertForSequenceClassification"])


def changed(folder: Path, **settings: Any) -> None:
    """The configuration with other settings."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | settings), "utf-8")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = seatrial([*words, "--json", "--home", "home"])
    return code, json.loads(capsys.readouterr().out)


def of_transformers(folder: Path) -> Any:
    """What transformers itself answers to each text alone, by label."""
    asked = transformers.pipeline("text-classification", model=str(folder), device="cpu")
    plain = {"function_to_apply": "none"} if asked.model.config.num_labels == 1 else {}
    answers = []
    for text in TEXTS:
        found = asked(text, top_k=None, truncation=True, max_length=48, **plain)
        answers.append({one["label"]: one["score"] for one in found})
    return answers


@pytest.mark.parametrize("name", ["bert", "several", "number"])
def test_a_folder_is_written_with_the_answers_of_transformers(
    models: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for config in models.glob("*/tokenizer_config.json"):  # as the pipeline is asked above
        settings = json.loads(config.read_text("utf-8")) | {"model_max_length": 48}
        config.write_text(json.dumps(settings))
    code, made = run(capsys, "export", name, "--data", "texts.jsonl", "-o", f"{name}.onnx")
    assert code == 0, made
    assert made["parity"]["passed"]
    assert made["opset"]["ai.onnx"] == 18
    wanted = of_transformers(models / name)
    engine = OnnxEngine((models / f"{name}.onnx").read_bytes(), signature(name))
    column = np.array(TEXTS, dtype=object)
    together = engine.predict({"text": column})
    for k, want in enumerate(wanted):
        alone = engine.predict({"text": column[k : k + 1]})
        for answer, at in ((together, k), (alone, 0)):
            if name == "number":
                assert answer["prediction"][at] == pytest.approx(want["stars"], abs=1e-5)
                continue
            scores = dict(zip(tiny_models.NAMES, answer["probabilities"][at].tolist(), strict=True))
            assert scores == pytest.approx(want, abs=1e-5)
            if name == "bert":
                assert answer["label"][at] == max(want, key=want.__getitem__)


def signature(name: str) -> Signature:
    """What each of the three answers."""
    likely = Output(name="probabilities", dtype=Dtype.FLOAT32, width=3, classes=tiny_models.NAMES)
    outputs = {
        "bert": (Output(name="label", dtype=Dtype.STRING), likely),
        "several": (likely,),
        "number": (Output(name="prediction", dtype=Dtype.FLOAT32),),
    }
    text = Feature(name="text", dtype=Dtype.STRING)
    return Signature(features=(text,), outputs=outputs[name], task=Task.OTHER, matrix=False)


def test_the_commands_of_the_page_are_run_as_they_stand(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "formats.md"
    shutil.copytree(models / "bert", models / "reviews")
    rows = [json.loads(line) for line in (models / "texts.jsonl").read_text("utf-8").splitlines()]
    lines = [json.dumps(row | {"label": row["id"] % 3}) + "\n" for row in rows]  # as ids of classes
    (models / "reviews.jsonl").write_text("".join(lines), "utf-8")
    blocks = re.findall(r"^```sh huggingface\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert [shlex.split(line)[1] for line in lines] == ["deploy", "predict", "export", "export"]
    made = {}
    for line in lines:
        words = shlex.split(line)[1:]
        code, made[words[0]] = run(capsys, *words)
        assert code == 0, made
    pins = {line.partition("==")[0] for line in requirements(models / "home", "reviews")}
    assert {"onnxruntime", "tokenizers", "numpy"} <= pins
    assert pins.isdisjoint({"torch", "transformers"})
    before, after = made["export"]["int8"]["n_bytes"]
    assert after < before
    answers = [json.loads(line) for line in Path("answers.jsonl").read_text("utf-8").splitlines()]
    assert len(answers) == len(TEXTS) * 4
    assert {row["label"] for row in answers} <= set(tiny_models.NAMES)
    right = [row["label"] == tiny_models.NAMES[k % 3] for k, row in enumerate(answers)]
    assert made["export"]["int8"]["accuracy"][0] == pytest.approx(sum(right) / len(right))
    assert sum(right)
    assert [int(row["id"]) for row in answers] == list(range(len(answers)))


def requirements(home: Path, name: str) -> list[str]:
    """The pins of a release's bundle."""
    (found,) = (home / "releases" / name / "1").rglob("bundle/requirements.txt")
    return found.read_text("utf-8").splitlines()


def test_what_has_no_graph_is_served_with_transformers(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, done = run(capsys, "deploy", "gpt2", "--data", "texts.jsonl", "--label", "label")
    assert code == 0, done
    pins = {line.partition("==")[0] for line in requirements(models / "home", "gpt2")}
    assert {"torch", "transformers", "tokenizers"} <= pins


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("adapter", "model.no_text_classifier", "an adapter"),
        ("tokens", "model.no_text_classifier", "a BertForTokenClassification"),
        ("causal", "model.no_text_classifier", "a LlamaForCausalLM"),
        ("code", "model.unsafe", "config.json names some in auto_map"),
        ("wordless", "model.folder_incomplete", "no tokenizer"),
        ("hostile", "model.unsafe", "system"),
        ("cut", "model.corrupt", "cannot be loaded"),
        ("headless", "model.corrupt", "lack 'classifier"),
    ],
)
def test_what_is_no_text_classifier_is_refused_whoever_trusts_it(
    models: Path, capsys: pytest.CaptureFixture[str], name: str, code: str, said: str
) -> None:
    exit_code, answer = run(capsys, "export", name, "--trust", "-o", "nothing")
    assert exit_code != 0, answer
    assert answer["error"]["code"] == code, answer
    assert said in answer["error"]["problem"]
    assert answer["error"]["remedy"]
    assert not (models / "nothing").exists()
    assert not (models / "ran").exists()
