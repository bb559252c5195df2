"""The comparison of engines: its model, its loads, what is kept, and what comes of the results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.engines import encoder, net
from benchmarks.engines.goals import evaluate
from benchmarks.engines.kept import Measured, keep, read
from benchmarks.engines.loads import PARTS, load
from benchmarks.engines.peers import PEERS
from benchmarks.engines.quantised import Quantised
from benchmarks.engines.report import summary, tables
from benchmarks.serving.goals import Result
from benchmarks.serving.h2load import parse
from benchmarks.serving.load import Figures, LoadFailed
from benchmarks.serving.machine import Machine
from benchmarks.serving.medians import summarise
from benchmarks.serving.page import fill
from benchmarks.serving.peers.seatrial import why
from benchmarks.serving.run import Failure, Loaded, Outcome, Settings, Start, Timing
from benchmarks.serving.scenario import Model
from benchmarks.serving.wire import ask_grpc, read_grpc
from seatrial.adapters.embedding.encoder_graph import Precision, encoder_graph
from seatrial.adapters.embedding.encoder_safetensors import SafetensorsEncoder
from seatrial.adapters.grpc.oip_messages import messages

ROOT = Path(__file__).parents[2]
RECORD = {
    "n_rows": 899,
    "moved": 0.01,
    "largest": 0.06,
    "n_labels": 2,
    "accuracy": [0.99, 0.98],
    "n_bytes": [76_000_000, 19_000_000],
    "seconds": {"1": [0.004, 0.001], "64": [0.04, 0.02]},
}


def timing(peer: str, model: Model, clients: int, rate: float, p50_ms: float, errors: int = 0):
    figures = Figures(rate=rate, p50_ms=p50_ms, p95_ms=3, p99_ms=4, n_requests=500, n_errors=errors)
    name = load(model, 1, clients).name
    return Timing(peer=peer, scenario=name, round=0, figures=figures, n_checked=128, cpu_ms=p50_ms)


def outcomes(*, ours: float = 1.0, errors: int = 0) -> list[Outcome]:
    """Figures that meet every goal where `ours` is 1, and rates by that factor where it is not."""
    found: list[Outcome] = []
    for model in (Model.GBDT, Model.NET):
        for clients in (1, 16):
            found += [
                timing("seatrial", model, clients, 900 * ours, 1 / ours, errors),
                timing("seatrial-grpc", model, clients, 900 * ours, 1 / ours),
                timing("seatrial-triton", model, clients, 300, 0.5 + 2 / ours),
                timing("fastapi", model, clients, 700, 1.2),
                timing("triton", model, clients, 500, 2),
                timing("triton-grpc", model, clients, 600, 1.6),
            ]
        weight = {"peer": "seatrial", "model": model, "round": 0}
        found += [
            Start(**weight, cold_start_s=0.7, memory_mb=200, n_processes=3),
            Loaded(**weight, memory_mb=220),
        ]
    found.append(timing("seatrial", Model.NET_INT8, 16, 2000 * ours, 0.4))
    return found


def measured(part: str, found: list[Outcome], *, busy_share: float = 0.0) -> Measured:
    names = [peer.name for peer in PEERS if PARTS[part].peers is None]
    return Measured(
        machine=Machine(description="2 cores of a processor", busy_share=busy_share),
        day="2026-11-27",
        settings=Settings(rounds=1, duration_s=2, warm_up_s=1),
        titles={p.name: p.title for p in PEERS if not names or p.name in names},
        versions={"seatrial": {"seatrial": "0.1.0"}},
        outcomes=found,
        quantised=[
            Quantised(title="the net", record=RECORD),
            Quantised(title="the trees", refusal="There is no matrix product in it."),
        ]
        if part == "int8"
        else [],
    )


def every(*, busy_share: float = 0.0, ours: float = 1.0) -> dict[str, Measured]:
    return {name: measured(name, outcomes(ours=ours), busy_share=busy_share) for name in PARTS}


@pytest.fixture(scope="module")
def layers() -> list[net.Layer]:
    rows, labels, _, _ = net.digits()
    return net.fitted(rows, labels, (256, 256))


def test_the_net_knows_digits_it_has_not_seen(layers: list[net.Layer], tmp_path: Path) -> None:
    _, _, rows, labels = net.digits()
    path = tmp_path / "net.onnx"
    path.write_bytes(net.graph(layers))
    answer = net.answered(path, rows[:200])
    assert answer.label is not None
    assert answer.probabilities is not None
    assert (answer.label == labels[:200]).mean() > 0.9
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
    together, _ = net.session(path).run(None, {"input": rows[:200]})
    assert np.array_equal(together, answer.label)


def test_the_net_is_the_same_in_every_run(layers: list[net.Layer]) -> None:
    rows, labels, _, _ = net.digits()
    assert net.graph(net.fitted(rows, labels, (256, 256))) == net.graph(layers)


def test_the_transformer_gives_the_vectors_of_the_default_embedder(tmp_path: Path) -> None:
    folder = encoder.weights_folder()
    assert folder is not None, "make setup installs the weights"
    known, asked, labels = encoder.questions()
    encoder.write(folder, tmp_path / "graph.onnx", tmp_path / "questions.parquet")
    ids = encoder.tokens(folder, asked[:8])
    _, likely = net.session(tmp_path / "graph.onnx").run(None, {"ids": ids})
    weights = SafetensorsEncoder(folder, first=encoder.FIRST, last=encoder.LAST)
    (tmp_path / "ours.onnx").write_bytes(encoder_graph(weights, Precision.FP32))
    ours = net.session(tmp_path / "ours.onnx")
    texts = encoder.tokens(folder, known + asked[:8]).astype(np.int32)
    vectors = np.array([ours.run(None, {"ids": row[row > 0]})[0] for row in texts])
    scores = np.exp(encoder.SHARPNESS * vectors[len(known) :] @ vectors[: len(known)].T)
    np.testing.assert_allclose(likely, scores / scores.sum(axis=1, keepdims=True), atol=1e-4)
    assert (likely.argmax(axis=1) == labels[:8]).mean() >= 0.75


def test_a_grpc_request_carries_its_rows_and_a_reply_is_read_back() -> None:
    rows = np.float32([[1.5, -2], [0, 1e-30]])
    kinds = messages()
    request = kinds["ModelInferRequest"].FromString(ask_grpc("net", rows).body)
    (raw,) = request.raw_input_contents
    assert (request.model_name, list(request.inputs[0].shape)) == ("net", [2, 2])
    assert np.array_equal(np.frombuffer(raw, "<f4").reshape(2, 2), rows)
    output = kinds["ModelInferResponse.InferOutputTensor"]
    reply = kinds["ModelInferResponse"](
        outputs=[
            output(name="label", datatype="INT64", shape=[2]),
            output(name="probabilities", datatype="FP32", shape=[2, 2]),
        ],
        raw_output_contents=[np.int64([1, 0]).tobytes(), rows.tobytes()],
    )
    answer = read_grpc({}, reply.SerializeToString())
    assert answer.label is not None
    assert answer.probabilities is not None
    assert answer.label.tolist() == [1, 0]
    assert np.array_equal(answer.probabilities, rows)


PRINTED = """finished in 2.00s, 2.00 req/s, 200B/s
requests: 4 total, 5 started, 4 done, 4 succeeded, 0 failed, 0 errored, 0 timeout
traffic: 1.2KB ({total}) total, 120B (120) headers (space savings 50.00%), 400B ({data}) data
"""
LOG = "1\t200\t1000\n2\t200\t2000\n3\t200\t3000\n4\t{status}\t4000\n"


def test_h2loads_figures_are_rates_and_quantiles_in_milliseconds() -> None:
    printed = PRINTED.format(total=1200, data=400)
    figures = parse(printed, LOG.format(status=200), size=100, duration_s=2)
    assert (figures.rate, figures.n_requests, figures.n_errors) == (2, 4, 0)
    assert figures.p50_ms == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("data", "status"), [(300, 200), (400, 503), (305, 503)], ids=["short", "status", "both"]
)
def test_an_answer_without_the_replys_bytes_or_status_is_an_error(data: int, status: int) -> None:
    printed = PRINTED.format(total=1200, data=data)
    figures = parse(printed, LOG.format(status=status), size=100, duration_s=2)
    assert (figures.rate, figures.n_errors) == (1.5, 1)


def test_h2load_without_figures_is_said() -> None:
    with pytest.raises(LoadFailed, match="no figures"):
        parse("connection refused", "", size=100, duration_s=2)


def cells(found: list[Outcome]):
    return summarise(found).cells


def test_all_goals_are_met_by_figures_that_meet_them() -> None:
    assert {goal.result for goal in evaluate(cells(outcomes()))} == {Result.MET}


def test_figures_beyond_their_bounds_are_goals_missed() -> None:
    goals = evaluate(cells(outcomes(ours=0.5, errors=1)))
    met = [goal.title for goal in goals if goal.result is not Result.MISSED]
    assert met == ["int8 against full, 16 clients: 1.5 times the rate"]


def test_without_figures_no_goal_is_met_or_missed() -> None:
    assert {goal.result for goal in evaluate({})} == {Result.NOT_MEASURED}


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    part = measured("int8", [*outcomes(), Failure(peer="triton", what="set-up", reason="pip")])
    keep(tmp_path / "new" / "int8.json", part)
    assert read(tmp_path / "new" / "int8.json") == part
    assert read(tmp_path / "small.json") is None


def test_the_page_has_both_numbers_of_clients_in_one_line_and_the_fastest_first() -> None:
    text = tables(every())
    assert "| **seatrial** | 900 | 1.00 | 4.00 | 900 | 1.00 | 4.00 | 1.00 | 0 of 1,000 |" in text
    assert text.index("| **seatrial** | 900") < text.index("| FastAPI + ONNX Runtime by hand | 700")
    assert "| **seatrial** | 0.70 | 200 | 220 | 0.70 | 200 | 220 |" in text
    assert "| the net | 76 to 19 | 4 to 1 (4.00x) | 40 to 20 (2.00x) |" in text
    assert "- the trees: There is no matrix product in it." in text
    assert "not quiet" not in text


def test_a_busy_machine_is_named_in_the_page_and_in_both_summaries() -> None:
    parts = every(busy_share=0.5)
    assert "not quiet: 50% of it" in tables(parts)
    assert "not quiet" in summary(parts)
    assert "不空闲" in summary(parts, "zh")


def test_parts_measured_on_other_days_are_told_apart() -> None:
    parts = every()
    parts["net"] = replace(parts["net"], day="2026-12-01")
    text = tables(parts)
    assert "2026-11-27; one round, 2 s a load. (small, int8)" in text
    assert "2026-12-01; one round, 2 s a load. (net)" in text


def test_a_server_without_figures_is_listed_with_the_reason() -> None:
    lost = [*outcomes(), Failure(peer="rayserve", what="net, round 1", reason="no answer")]
    assert "- Ray Serve (net, round 1): no answer" in tables({"net": measured("net", lost)})


def test_the_summary_is_one_line_for_each_server_with_figures() -> None:
    lines = summary(every()).splitlines()
    assert "| **seatrial** | 900 (4.00) | 900 (4.00) | 0.7 | 220 |" in lines
    assert not any("Ray Serve" in line for line in lines)
    assert "| FastAPI + ONNX Runtime 手写 | 700 (4.00) | 700 (4.00) | - | - |" in summary(
        every(), "zh"
    )


@pytest.mark.parametrize(
    ("page", "block"),
    [
        ("docs/reference/benchmarks-engines.md", "tables"),
        ("README.md", "summary"),
        ("README.zh-CN.md", "summary, zh"),
    ],
)
def test_pages_have_a_place_for_what_they_are_given(page: str, block: str) -> None:
    assert "HERE" in fill((ROOT / page).read_text(), {block: "HERE"}, of="engines")


def test_peers_have_names_of_their_own_and_parts_only_name_them() -> None:
    names = [peer.name for peer in PEERS]
    assert len(set(names)) == len(names)
    assert all(set(part.peers or ()) <= set(names) for part in PARTS.values())


def test_ways_to_run_one_server_share_an_environment() -> None:
    by_word: dict[str, set[tuple[str, ...]]] = {}
    for peer in PEERS:
        by_word.setdefault(peer.name.partition("-")[0], set()).add(peer.requirements)
    assert all(len(requirements) == 1 for requirements in by_word.values())


def test_a_page_is_told_why_a_command_failed_and_no_folder_of_the_machine() -> None:
    said = (
        "  ✓ files      /home/ann/releases\n  ✗ staging    golden parity failed\n  · /home/ann/x\n"
    )
    assert why(said) == "✗ staging    golden parity failed"
    assert why("Killed\n") == "Killed"
    assert why("") == ""
