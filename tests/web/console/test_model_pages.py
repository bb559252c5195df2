"""What the console says of a version's model."""

from __future__ import annotations

import ast
import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from seatrial.packaging.plan import elsewhere
from seatrial.registry.manifest import Framework
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import column_signature, matrix_signature, only
from seatrial.web.console.model_pages import Shown, example, models_of

TENSORS = Signature(
    features=(
        Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 32, 32)),
        Feature(name="it's\n<b>", dtype=Dtype.STRING, shape=(2,)),
    ),
    outputs=(Output(name="boxes", dtype=Dtype.FLOAT32, width=8, shape=(2, 4)),),
    task=Task.OTHER,
    matrix=False,
    named=True,
)
SMALL = replace(TENSORS, features=(Feature(name="it's", dtype=Dtype.FLOAT64, shape=(2, 2)),))
ENDPOINT: dict[str, Any] = {
    "name": "shapes",
    "kind": "model",
    "addresses": ["http://127.0.0.1:8080"],
    "split": {"stable": 1, "canary": 2, "shadow": None},
    "experiments": [],
    "release": {"version": 2, "over": False},
    "n_workers": 2,
    "n_workers_up_to_date": 1,
    "engines": {"2": {"says": "silent", "since": "2026-11-27T12:00:00+00:00"}},
    "failed": {"1": "The engine said no."},
}
METRICS: dict[str, Any] = {"totals": {"2": {"n": 8, "error_rate": 0.25}}}


def shown(signature: Signature = TENSORS, *, remote: str | None = None) -> Shown:
    plan = only(EngineKind.ONNX)
    return Shown(
        framework=Framework(name="onnx", version="1"),
        signature=signature,
        plan=plan if remote is None else elsewhere(plan, remote),
    )


def test_each_version_that_serves_has_its_tensors_and_what_is_watched_of_them() -> None:
    one, two = models_of(ENDPOINT, METRICS, lambda _, version: shown() if version == 2 else None)
    assert one == {"version": 1, "framework": None}  # its bundle is not here
    image, text = two["inputs"]
    assert (image["dtype"], image["shape"]) == ("float32", "3 × 32 × 32")
    assert image["watched"] == ["image.mean", "image.std", "image.min", "image.max"]
    assert text["watched"] == ["it's\n<b>.length"]
    assert two["outputs"][0]["shape"] == "2 × 4"


def test_the_engine_and_how_it_does_are_told() -> None:
    here, there = models_of(
        ENDPOINT, METRICS, lambda _, version: shown(remote="triton" if version == 2 else None)
    )
    assert (here["engine"], here["remote"], here["state"]["n"]) == ("onnx", None, 0)
    assert (there["engine"], there["remote"]) == ("remote", "triton")
    assert there["says"] == ENDPOINT["engines"]["2"]
    assert (here["says"], here["failed"], there["failed"]) == (None, "The engine said no.", None)
    assert there["state"] == {"n_workers": 2, "n_ready": 1, "n": 8, "error_rate": 0.25}


@pytest.mark.parametrize(
    ("kind", "engine"), [(EngineKind.NATIVE, "native"), (EngineKind.WIDE, "onnx")]
)
def test_a_plan_is_named_by_where_it_runs(kind: EngineKind, engine: str) -> None:
    one = replace(shown(), plan=only(kind))
    assert models_of(ENDPOINT, METRICS, lambda *_: one)[0]["engine"] == engine


def test_of_many_inputs_the_first_are_listed_and_prompts_have_none() -> None:
    many = replace(
        TENSORS, features=tuple(Feature(name=f"x{k}", dtype=Dtype.FLOAT32) for k in range(40))
    )
    found = models_of(ENDPOINT, METRICS, lambda *_: shown(many))[0]
    assert (len(found["inputs"]), found["n_more"]) == (12, 28)
    assert models_of({**ENDPOINT, "kind": "prompt"}, METRICS, lambda *_: shown()) == []


@pytest.mark.parametrize("signature", [SMALL, matrix_signature(), column_signature()])
def test_an_example_is_a_request_in_the_words_of_a_shell(signature: Signature) -> None:
    words = shlex.split(example(signature, "shapes", "http://127.0.0.1:8080"))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8080/v2/models/shapes/infer"]
    for tensor in json.loads(words[-1])["inputs"]:
        n = 1
        for size in tensor["shape"]:
            n *= size
        assert len(tensor["data"]) == n


def test_a_large_example_is_made_by_a_program() -> None:
    command, _, rest = example(TENSORS, "a b", "http://x").partition(" |\n")
    assert shlex.split(rest)[:3] == ["curl", "-s", "http://x/v2/models/a%20b/infer"]
    python, flag, program = shlex.split(command)
    assert (python, flag) == ("python3", "-c")
    tree = ast.parse(program)
    printed: list[str] = []
    exec(compile(tree, "example", "exec"), {"print": printed.append})
    image, text = json.loads(printed[0])["inputs"]
    assert (image["shape"], len(image["data"])) == ([1, 3, 32, 32], 3072)
    assert (text["name"], text["data"]) == ("it's\n<b>", ["text", "text"])


async def test_the_page_shows_it_in_both_languages(browse, world) -> None:
    world.models = lambda *_: shown()
    world.promoted("churn")
    async with browse() as client:
        english = (await client.get("/endpoints/churn")).text
        part = (await client.get("/console/endpoints/churn/model")).text
        chinese = (await client.get("/endpoints/churn", headers={"accept-language": "zh"})).text
    assert "image.mean, image.std, image.min, image.max" in english
    assert "ONNX Runtime, in this server" in english
    assert "Watched for drift" in english
    assert "it&#39;s\n&lt;b&gt;" in english
    assert part.strip().startswith('<div id="model"')
    assert "监控漂移的内容" in chinese


async def test_a_version_whose_bundle_is_elsewhere_is_said_to_be_unknown(browse, world) -> None:
    world.models = lambda *_: None
    world.promoted("churn")
    page = (await browse().get("/endpoints/churn")).text
    assert "is not known on this machine" in page
