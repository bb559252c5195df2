"""A classifier of texts by the command line: released, improved, a bad one aborted, and asked.

Its graphs have their tokenizer inside, as those of Hugging Face's folders do; that such folders
become such graphs is for `tests/integration/test_huggingface.py`.
"""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from seatrial.adapters.serving.onnxruntime import OnnxEngine
from tests.adapters.text_graphs import NAMES, SIGNATURE, WORTH, text_graph
from tests.integration.engine_home import NAME, Home, Traffic, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gevent's and the client's own
]

N_KNOWN = 4
"""Words of the longest text in the data, and what the bad version can read."""
GRAPHS = {
    "first": text_graph(),
    "better": text_graph(strength=1.5),
    "short": text_graph(n_positions=N_KNOWN),
    "shuffled": text_graph(strength=-1.0),
}
TEXTS = (
    "a good film",
    "bad",
    "",
    "这部电影很好看，我很喜欢",
    "🙂 été",
    "good " * 300,
    "很 bad " * 40,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a server, the graphs, and labelled texts that are all short."""
    folder = tmp_path_factory.mktemp("home")
    for name, graph in GRAPHS.items():
        (folder / f"{name}.onnx").write_bytes(graph)
    words = ("good", "bad", "film", "很", "🙂")
    each = (itertools.product(words, repeat=n) for n in range(1, N_KNOWN + 1))
    texts = [" ".join(text) for some in each for text in itertools.islice(some, 60)]
    rows = [{"text": t, "label": NAMES[int(worth_of(t) > 0)], "id": k} for k, t in enumerate(texts)]
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text("".join(lines), "utf-8")
    home = Home(folder, {})
    home.start()
    yield home
    home.stop()


def worth_of(text: str) -> float:
    return sum(WORTH.get(word, 0.0) for word in text.split())


def released(home: Home, name: str, *more: str) -> tuple[Any, Counter[tuple[int, str | None]]]:
    """What became of a graph's release while texts were asked, and what these met."""
    words = ("--name", NAME, "--data", "rows.jsonl", "--label", "label", "--target", "production")
    home.seatrial("deploy", f"{name}.onnx", *words, "--no-wait", *more)
    with Traffic(home.port, np.array(TEXTS)) as traffic:

        def over() -> Any:
            found = home.seatrial("status", NAME)["release"]
            return found if found["phase"] in ("promoted", "aborted", "rejected") else None

        release = until("it is judged", over)
    return release, Counter(traffic.seen)


def test_a_better_version_is_promoted_and_one_that_fails_on_long_texts_aborted(home: Home) -> None:
    first, _ = released(home, "first")
    assert first["phase"] == "promoted", first
    second, met = released(home, "better")
    assert second["phase"] == "promoted", second
    assert {status for status, version in met if version in ("1", "2")} == {200}
    assert min(met[200, "1"], met[200, "2"]) > 50, met
    third, met = released(home, "short", "--watch", "10m")
    assert third["phase"] == "aborted", third
    assert "error rate" in third["reason"]
    assert met[500, "3"] > 0
    assert {status for status, version in met if version == "2"} == {200}, met
    compared = ("shuffled.onnx", "--against", NAME, "--data", "rows.jsonl", "--label", "label")
    worse = home.seatrial("evaluate", *compared, "--no-latency", check=False)
    assert worse["outcome"] == "worse", worse


def test_every_dialect_and_batch_scoring_answer_texts_as_the_graph_does(home: Home) -> None:
    wanted = OnnxEngine(GRAPHS["better"], SIGNATURE).predict({"text": np.array(TEXTS, object)})
    likely = wanted["probabilities"].tolist()

    def same(labels: Sequence[Any], probabilities: Any) -> None:
        assert [text(label) for label in labels] == wanted["label"].tolist()
        np.testing.assert_allclose(probabilities, likely, atol=1e-6)

    rows = posted(home, ":predict", {"instances": [*TEXTS]})["predictions"]
    same([row["label"] for row in rows], [row["probabilities"] for row in rows])
    columns = posted(home, ":predict", {"inputs": {"text": [*TEXTS]}})["outputs"]
    same(columns["label"], columns["probabilities"])
    scored = posted(home, ":classify", {"examples": [{"text": text} for text in TEXTS]})["result"]
    assert [[score for _, score in row] for row in scored] == pytest.approx(np.array(likely))
    for protocol, port in (("http", home.port), ("grpc", home.grpc)):
        same(*infer(protocol, port))
    lines = "".join(json.dumps({"text": text, "id": k}) + "\n" for k, text in enumerate(TEXTS))
    (home.folder / "texts.jsonl").write_text(lines)
    home.seatrial("predict", NAME, "texts.jsonl", "--into", "answers.jsonl", "--keep", "id")
    answers = (home.folder / "answers.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in answers]
    same([f["label"] for f in found], [[f[f"probabilities.{n}"] for n in NAMES] for f in found])


def text(label: str | bytes) -> str:
    return label.decode() if isinstance(label, bytes) else label


def posted(home: Home, verb: str, body: object) -> Any:
    url = f"http://127.0.0.1:{home.port}/v1/models/{NAME}{verb}"
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def infer(protocol: str, port: int) -> tuple[Any, Any]:
    """Labels and probabilities by NVIDIA's own client."""
    from importlib import import_module

    client: Any = import_module(f"tritonclient.{protocol}")
    given = client.InferInput("text", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(np.array(TEXTS, object))
    with client.InferenceServerClient(f"127.0.0.1:{port}") as server:
        answer = server.infer(NAME, [given])
    return answer.as_numpy("label"), answer.as_numpy("probabilities")
