"""The benchmark of documents, search and answers: what comes of its results."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks.monitor.goals import Goal
from benchmarks.rag import chunk_effect, embedding, frameworks, imports, rebuild, store
from benchmarks.rag.__main__ import PARTS, SUBJECT, heading, page
from benchmarks.rag.answers import Replied, goals, normalised, scores, table, token_f1
from benchmarks.rag.part import Part, Plan, RunFailed, in_turns, said_by
from benchmarks.rag.sets import Question
from benchmarks.rag.texts import Words, asked, documents
from benchmarks.serving.machine import Machine
from benchmarks.serving.page import fill, marks
from seatrial.rag.text.document import Span

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-rag.md"
HELD = {"p": ("Hotels", "A hotel costs 120 euros. Breakfast is extra."), "q": ("Trains", "None.")}


def plan(**changes) -> Plan:
    known = {"data": None, "rounds": 3, "quick": False, "every": 1, "n_loss": 9, "out": Path("x")}
    return Plan(**(known | changes))


def question(*answers: str) -> Question:
    return Question("1", "How much?", answers, bool(answers), frozenset({"p"}))


def test_every_part_has_its_place_on_the_page() -> None:
    text = PAGE.read_text()
    for name in ("machine", "goals", *PARTS, "versions"):
        begin, end = marks(name, SUBJECT)
        assert text.index(begin) < text.index(end)


def test_texts_are_normalised_as_squad_does_it() -> None:
    assert normalised(" The Yard's  U.S. crew, an A-team ") == "yards us crew ateam"
    assert normalised("Theatre another") == "theatre another"


@pytest.mark.parametrize(
    ("said", "answer", "score"),
    [
        ("120 euros", "the 120 Euros!", 1),
        ("It costs 120 euros", "120 euros", 2 / 3),
        ("no", "x", 0),
    ],
)
def test_words_in_common_are_scored(said: str, answer: str, score: float) -> None:
    assert token_f1(said, answer) == pytest.approx(score)


def test_a_quoted_answer_is_found_in_the_right_paragraph_alone() -> None:
    cited = [("p", "A hotel costs 120 euros.", (0, 24))]
    reply = Replied(refused=False, text="A hotel costs 120 euros.", citations=cited, cpu_ms=1)
    found = scores(question("120 euros", "120"), reply, HELD)
    assert found["answer quoted"] == 1
    assert found["exact citations"] == 1
    assert found["exact match"] == 0
    assert found["token F1"] == pytest.approx(2 / 3)
    elsewhere = Replied(refused=False, text="120", citations=[("q", "120", (0, 3))], cpu_ms=1)
    found = scores(question("120"), elsewhere, HELD)
    assert found["answer quoted"] == 0
    assert found["exact citations"] == 0
    assert found["exact match"] == 1
    assert goals({"exact citations": [1.0, 1.0]})[0].met
    assert not goals({"exact citations": [1.0, 0.5]})[0].met


def test_a_refusal_counts_nothing_where_there_is_an_answer() -> None:
    refusal = Replied(refused=True, text="", citations=[], cpu_ms=1)
    found = scores(question("120"), refusal, HELD)
    assert found["refused, answerable"] == 1
    assert found["answer quoted"] == found["token F1"] == found["exact match"] == 0
    assert "answer quoted, where answered" not in found
    assert scores(question(), refusal, HELD) == {"refused, unanswerable": 1}
    assert "| token F1 | 2 | 0.500 |" in table({"token F1": [0.0, 1.0]})


def test_the_first_right_chunk_of_a_whole_article_counts() -> None:
    held = {"a": ("T", "One two."), "b": ("T", "Three four three."), "c": ("U", "Five.")}
    texts, places = chunk_effect.articles(held)
    assert texts == {"T": "One two.\n\nThree four three.", "U": "Five."}
    assert [texts[title][slice(*span)] for title, span in places.values()] == [
        text for _, text in held.values()
    ]
    asked_ = Question("1", "Which?", ("four", "absent"), True, frozenset({"b"}))
    [one] = chunk_effect.sought([asked_], texts, places)
    ranking = [("U", Span(0, 5)), ("T", Span(0, 12)), ("T", Span(12, 27))]
    assert chunk_effect.gain(ranking, one, answer=False) == pytest.approx(1 / np.log2(3))
    assert chunk_effect.gain(ranking, one, answer=True) == pytest.approx(1 / np.log2(4))
    assert chunk_effect.gain(ranking[:1], one, answer=True) == 0


def test_rounds_are_taken_in_turns_and_their_medians_told() -> None:
    order = []
    values = iter([1.0, 9.0, 2.0])

    def good() -> dict[str, float]:
        order.append("good")
        return {"x": next(values)}

    def bad() -> dict[str, float]:
        order.append("bad")
        raise RunFailed("no memory")

    found, failures = in_turns({"bad": bad, "good": good}, 3)
    assert found == {"good": {"x": 2.0}}
    assert failures == ["bad: no memory"]
    assert order == ["bad", "good", "good", "good"]


def test_a_process_that_fails_says_why() -> None:
    here = Path(sys.executable)
    assert said_by(here, "-c", "print('noise'); print('[1]')") == [1]
    with pytest.raises(RunFailed, match="broken"):
        said_by(here, "-c", "raise SystemExit('broken')")
    with pytest.raises(RunFailed, match="it said nothing"):
        said_by(here, "-c", "pass")


def test_costs_of_embedding_are_held_against_the_peer_of_the_same_run() -> None:
    def cost(documents_per_s: float, torch: float) -> dict[str, float]:
        return {"documents_per_s": documents_per_s, "question_ms": 2.5, "memory_mb": 451} | {
            "torch": torch
        }

    found = {embedding.DEFAULT: cost(30, 0), embedding.PEER: cost(10, 1)}
    told = embedding.goals(found, [], full=True)
    assert [goal.met for goal in told] == [True, True, False, True]
    assert [goal.met for goal in embedding.goals(found, [], full=False)] == [None] * 3 + [True]
    slower = {embedding.DEFAULT: cost(29, 1), embedding.PEER: cost(10, 1)}
    assert [goal.met for goal in embedding.goals(slower, [], full=True)][::3] == [False, False]
    assert embedding.goals({}, [], full=True) == []


def test_an_exact_ranking_has_no_loss() -> None:
    asked_ = [Question(str(n), "?", (), True, frozenset({str(n)})) for n in range(12)]
    held = embedding.JudgedSet([str(n) for n in range(12)], ["text"] * 12, asked_)
    vectors = np.eye(12, dtype=np.float32)
    assert held.scores(vectors, vectors) == [1.0] * 12
    assert held.scores(vectors, -vectors) == [0.0] * 12


def test_goals_of_frameworks_builds_imports_and_stores_are_met_up_to_their_limits() -> None:
    row = {"documents_per_s": 5_000, "question_ms": 0.3}
    found = {frameworks.DEFAULT: row, frameworks.VECTORS: row | {"question_ms": 0.31}}
    assert [goal.met for goal in frameworks.goals(found, full=True)] == [True, True, False]
    built = {"minilm": {"first_s": 20, "again_s": 1}, "none": {"first_s": 19, "again_s": 1}}
    assert [goal.met for goal in rebuild.goals(built, full=True)] == [True, False]
    assert [goal.met for goal in rebuild.goals(built, full=False)] == [None, None]
    assert imports.goals({imports.OURS: {"import_s": 0.51}})[0].met is False


@pytest.mark.parametrize(
    ("took", "recall", "met"),
    [
        (5.0, 1.0, True),
        (5.1, 1.0, False),
        (0.5, 0.96, True),
        (0.6, 0.999, False),
        (0.1, 0.95, False),
    ],
)
def test_a_search_is_exact_or_quicker_than_exact_ones(
    took: float, recall: float, met: bool
) -> None:
    figures = {
        "query_ms": took, "recall": recall, "within_ms": 0.2, "within_recall": 0.99,
        "memory_mb": 101, "hybrid_ms": 6.0, "times_faster": 20,
    }  # fmt: skip
    assert [goal.met for goal in store.goals(figures, full=True)] == [met, True, False, True, True]
    assert {goal.met for goal in store.goals(figures, full=False)} == {None}


def test_an_index_that_is_ingested_gives_figures_that_can_be_kept(tmp_path: Path) -> None:
    figures = store.ingested(tmp_path, documents(None, 30))
    assert min(figures.values()) > 0
    assert {type(value) for value in figures.values()} == {float}
    others = dict.fromkeys(("query_ms", "recall", "within_ms", "within_recall"), 0.5)
    figures |= others | {"memory_mb": 1.0, "hybrid_ms": 1.0}
    told = [asdict(goal) for goal in store.goals(figures, full=True)]
    assert json.loads(json.dumps(told)) == told


def test_the_page_has_what_was_measured_last_of_each_part(tmp_path: Path) -> None:
    goal = Goal(what="x", goal="<= 1", reached="2", met=False)
    kept = {"imports": Part(text="a table", goals=[goal], failures=["LanceDB: gone"])}
    for name, part in kept.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"measured": "here", **asdict(part)}))
    blocks = page(tmp_path)
    assert blocks["machine"] == "here"
    assert "torch 2.13.0" in blocks["versions"]
    assert "| x | <= 1 | 2 | **missed** |" in blocks["goals"]
    assert blocks["imports"] == "a table\n\n- Without figures: LanceDB: gone"
    (tmp_path / "chunkers.json").write_text(
        json.dumps({"measured": "there", "text": "", "goals": [], "failures": []})
    )
    assert page(tmp_path)["machine"] == "there (chunkers)\n\nhere (imports)"
    begin, end = marks("imports", SUBJECT)
    assert "a table" in fill(f"{begin}\nold\n{end}", blocks, SUBJECT)


def test_a_run_that_is_no_measure_says_so() -> None:
    quiet = Machine(description="2 cores", busy_share=0.0)
    assert "made-up words" in heading(quiet, plan())
    assert "--quick" in heading(quiet, plan(quick=True))
    assert "not quiet" in heading(Machine(description="", busy_share=0.5), plan())
    assert "quiet" not in heading(quiet, plan())
    assert not plan().full
    assert plan(data=Path("data")).full


def test_texts_made_up_are_the_same_every_time() -> None:
    assert documents(None, 2) == documents(None, 3)[:2]
    assert asked(None, 1) != documents(None, 1)
    assert len(Words(5).sentence(7).split()) == 7
