"""seatrial rag: from a folder of documents to answers that cite, by the command line alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.index.stamps import StampFile
from seatrial.cli.exits import Exit
from seatrial.cli.rag_options import rag_workspace
from seatrial.wiring.knowledge.indexes import index_store, knowledge_config
from tests.adapters.pair_server import pair_server, share
from tests.cli.conftest import SHIPS, Rag


def test_what_changed_is_built_and_nothing_else(rag: Rag) -> None:
    code, first, err = rag("build")
    assert (code, first["version"], first["new"]) == (Exit.DONE, 1, 4)
    assert "version 1: 4 new" in err
    assert rag("build")[1]["unchanged"] == 4
    rag.write("heron.md", SHIPS["heron.md"] + "\nShe was sold in 1950.\n")
    (rag.documents / "kestrel.md").unlink()
    (rag.documents / "broken.pdf").write_bytes(b"no pdf")
    code, second, err = rag("build")
    assert (second["version"], second["changed"], second["removed"]) == (2, 1, 1)
    assert [one["source"] for one in second["skipped"]] == ["broken.pdf"]
    assert "broken.pdf" in err
    _, versions, _ = rag("versions")
    assert [(one["version"], one["live"], one["documents"]) for one in versions] == [
        (1, False, 4),
        (2, True, 3),
    ]


def test_a_build_whose_only_file_was_skipped_does_not_say_that_nothing_changed(rag: Rag) -> None:
    for file in rag.documents.iterdir():
        file.unlink()
    (rag.documents / "broken.pdf").write_bytes(b"no pdf")
    code, report, err = rag("build")
    assert (code, report["skipped"][0]["source"]) == (Exit.DONE, "broken.pdf")
    assert "version 1: it holds no document, 1 skipped (unreadable); 0 new chunks" in err
    assert "broken.pdf is not a PDF." in err
    assert "nothing changed" not in err
    rag.write("heron.md", SHIPS["heron.md"])
    assert "version 2: 1 new, 1 skipped (unreadable)" in rag("build")[2]
    (rag.documents / "heron.md").write_bytes(bytes(range(9)))
    said = rag("build")[2]
    assert "version 2: nothing changed, 2 skipped (binary, unreadable)" in said
    assert "kept       1 documents that cannot be read now" in said


def test_every_file_is_read_where_that_is_asked_for(
    rag: Rag, monkeypatch: pytest.MonkeyPatch
) -> None:
    rag("build")
    asked: list[object] = []
    monkeypatch.setattr(StampFile, "read", lambda self: asked.append(self) or {})
    assert rag("build", "--rehash")[1]["unchanged"] == 4
    assert asked == []
    assert rag("build")[1]["unchanged"] == 4
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("question", "document", "said"),
    [
        ("How long is the Heron?", "heron.md", "The Heron is 12 metres long"),
        ("Who built the Kestrel?", "kestrel.md", "The Kestrel was built by Ana Moreira"),
        ("苍鹭号有多长？", "苍鹭.md", "苍鹭号长十二米"),
    ],
)
def test_an_answer_quotes_what_its_citation_says(
    rag: Rag, question: str, document: str, said: str
) -> None:
    rag("build")
    code, reply, err = rag("ask", question)
    assert code == Exit.DONE
    assert said in reply["text"]
    assert said in err
    citation = reply["citations"][0]
    assert citation["document"] == document
    text = SHIPS[document]
    assert text[citation["start"] : citation["end"]] == citation["text"]


def test_what_is_asked_for_goes_to_stdout_and_how_it_goes_to_stderr(rag: Rag) -> None:
    """`seatrial rag ask ... > answer.txt` left an empty file."""
    code, out, err = rag.plain("build")
    assert (code, out) == (Exit.DONE, "")
    assert "version 1: 4 new" in err
    code, out, err = rag.plain("ask", "How long is the Heron?")
    assert (code, err) == (Exit.DONE, "")
    said, _, citation, quoted = out.splitlines()
    assert said == f"{quoted.strip()[:-1]} [1]."
    assert citation.startswith("  [1] heron.md, characters ")
    code, out, err = rag.plain("ask", "Which quantum field explains superconductivity?")
    assert (code, err) == (Exit.INCONCLUSIVE, "")
    assert out == "Nothing about this was found in the documents.\n"
    code, out, err = rag.plain("search", "spruce", "-k", "1")
    assert (code, err) == (Exit.DONE, "")
    assert "kestrel.md, characters " in out
    assert rag.plain("search", "zzz")[1] == "Nothing was found.\n"
    assert "4 documents" in rag.plain("versions")[1]
    questions = rag.folder / "questions.jsonl"
    questions.write_text(json.dumps({"question": "spruce mast", "documents": ["kestrel.md"]}))
    code, out, _ = rag.plain("eval", str(questions))
    assert "ndcg                 1.000" in out


def test_a_question_that_the_documents_do_not_answer_is_refused(rag: Rag) -> None:
    rag("build")
    code, reply, _ = rag("ask", "Which quantum field explains superconductivity in cuprates?")
    assert (code, reply["citations"]) == (Exit.INCONCLUSIVE, [])
    assert reply["refusal"] in {"not_answered", "nothing_found"}


def test_a_search_keeps_to_conditions_and_access_lists(rag: Rag) -> None:
    rag.configure(
        documents={
            "sources": [
                {"path": "ships", "rules": [{"files": "heron.md", "metadata": {"year": 1934}}]}
            ]
        }
    )
    rag("build")

    def found(*words: str) -> list[str]:
        return [
            one["document"] for one in rag("search", "cook of the Heron", *words)[1]["passages"]
        ]

    assert found()[0] == "crew.md"
    assert "crew.md" in found("--readers", "crew,board")
    assert "crew.md" not in found("--readers", "guests")
    assert found("--filter", '{"year": {"gte": 1900}}') == ["heron.md"]
    assert len(found("-k", "1")) == 1


def test_an_earlier_version_answers_again(rag: Rag) -> None:
    rag("build")
    rag.write("heron.md", SHIPS["heron.md"].replace("12 metres", "15 metres"))
    rag("build")
    assert "15 metres" in rag("ask", "How long is the Heron?")[1]["text"]
    assert "12 metres" in rag("ask", "How long is the Heron?", "--version", "1")[1]["text"]
    code, told, _ = rag("rollback")
    assert (code, told["version"]) == (Exit.DONE, 1)
    assert "12 metres" in rag("ask", "How long is the Heron?")[1]["text"]
    code, _, err = rag("rollback")
    assert (code, "No version" in err) == (Exit.NOT_FOUND, True)


def test_what_is_released_is_not_rolled_back_behind_its_endpoint(rag: Rag) -> None:
    rag("build")
    rag.write("heron.md", SHIPS["heron.md"].replace("12 metres", "15 metres"))
    rag("build")
    rag("release", "--version", "2", "--no-wait")
    code, _, err = rag("rollback")
    assert (code, "rag.index_is_released" in err) == (Exit.CONFLICT, True)
    assert "seatrial rollback" in err


def test_an_audit_tells_damage(rag: Rag, home: Any) -> None:
    rag("build")
    assert rag("audit")[:2] == (Exit.DONE, [])
    for path in (home.folder / "knowledge").rglob("*"):
        if path.is_file() and b"12 metres" in (content := path.read_bytes()):
            path.chmod(0o644)
            path.write_bytes(content.replace(b"12 metres", b"15 metres"))
    code, found, _ = rag("audit")
    assert code == Exit.GATE_FAILED
    assert found


def test_versions_are_evaluated_and_compared(rag: Rag, home: Any, tmp_path: Path) -> None:
    rag("build")
    questions = tmp_path / "questions.jsonl"
    asked = [
        {"question": f"How long is the Heron, {n}?", "documents": ["heron.md"]} for n in range(12)
    ]
    questions.write_text("\n".join(map(json.dumps, asked)), "utf-8")
    page = tmp_path / "page.html"
    code, found, err = rag("eval", str(questions), "--html", str(page))
    assert code == Exit.DONE
    assert found["metrics"]["ndcg"]["mean"] > 0.6
    assert "ndcg" in err
    assert "<table" in page.read_text("utf-8")
    assert len(list((home.folder / "knowledge-evaluations").rglob("*.json"))) == 1
    (rag.documents / "heron.md").unlink()
    rag("build")
    code, compared, _ = rag("eval", str(questions), "--against", "1")
    assert (code, compared["outcome"]) == (Exit.GATE_FAILED, "worse")
    code, _, err = rag("eval", str(questions), "--version", "1", "--limit", "1")
    assert "(1 asked)" in err
    assert "inf" not in err
    code, answers, _ = rag("eval", str(questions), "--answers", "--version", "1", "--limit", "2")
    assert answers["metrics"]["citation_exact"]["mean"] == 1.0


def test_a_cache_of_vectors_that_cannot_be_opened_is_done_without(rag: Rag, home: Any) -> None:
    (home.folder / "vectors.db").mkdir(parents=True)
    assert rag("build")[0] == Exit.DONE
    assert rag("ask", "How long is the Heron?")[0] == Exit.DONE


def test_what_cannot_be_written_is_told_and_what_was_found_is_shown(
    rag: Rag, home: Any, tmp_path: Path
) -> None:
    rag("build")
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"question": "How long?", "documents": ["heron.md"]}), "utf-8")
    (home.folder / "knowledge-evaluations").write_text("a file where the folder shall be")
    code, found, err = rag("eval", str(questions))
    assert (code, found["metrics"]["ndcg"]["n"]) == (Exit.DONE, 1)
    assert "not kept" in err
    nowhere = str(tmp_path / "no" / "page.html")
    for words in ((), ("--against", "1")):
        code, _, err = rag("eval", str(questions), "--html", nowhere, *words)
        assert (code, "cli.output_not_written" in err) == (Exit.INVALID, True)


def test_what_is_missing_is_told_with_what_to_do(rag: Rag, seatrial: Any) -> None:
    code, _, err = rag("ask", "How long?")
    assert code == Exit.NOT_FOUND
    assert "Build it" in err
    code, _, err = rag("search", "How long?", "--index", "other")
    assert code == Exit.NOT_FOUND
    assert "documents" in err
    code, _, err = rag("analyze")
    assert "no embedder" in err
    code, _, err = seatrial("rag", "build")
    assert code == Exit.NOT_FOUND
    assert "seatrial.yaml has no section knowledge, or is not here" in err
    assert "documents: {sources: [{path: FOLDER}]}" in err


def test_a_build_that_finds_nothing_says_so(rag: Rag) -> None:
    for path, told in (("ships", False), ("shipz", True)):
        rag.configure(documents={"sources": [{"path": path}]}, name=path)
        assert ("no document was found" in rag("build")[2]) == told


def test_answers_shall_be_written_by_a_model_that_is_there(rag: Rag) -> None:
    rag.configure(answering={"model": "large"})
    rag("build")
    code, _, err = rag("ask", "How long is the Heron?")
    assert code == Exit.INVALID
    assert "'large'" in err


def test_the_file_of_one_index_stands_alone_and_a_whole_one_may_have_several(
    rag: Rag, tmp_path: Path
) -> None:
    alone = rag_workspace(None, rag.config)
    assert list(alone.settings.knowledge) == ["documents"]
    whole = tmp_path / "seatrial.yaml"
    one = {"documents": {"sources": [{"path": "ships"}]}}
    whole.write_text(json.dumps({"knowledge": {"a": one, "b": one}}), "utf-8")
    assert sorted(rag_workspace(None, whole).settings.knowledge) == ["a", "b"]


def test_a_broken_seatrial_yaml_beside_it_is_no_matter_of_the_file_of_one_index(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seatrial.yaml").write_text("server: {port: none", "utf-8")
    code, built, err = rag("build")
    assert (code, built["version"]) == (Exit.DONE, 1), err
    assert "12 metres" in rag("ask", "How long is the Heron?")[1]["text"]


@pytest.mark.parametrize("kind", ["cohere", "tei"])
def test_a_configured_service_ranks_what_was_found(rag: Rag, monkeypatch: Any, kind: str) -> None:
    with pair_server() as service:
        reranker = {"kind": kind, "url": service.url, "model": "m", "api_key_env": "RANKER_KEY"}
        rag.configure(reranker=reranker)
        rag("build")
        code, _, err = rag("search", "Who built the Kestrel?")
        assert code != Exit.DONE
        assert "Set RANKER_KEY." in err
        monkeypatch.setenv("RANKER_KEY", "secret")
        code, found, _ = rag("search", "Who built the Kestrel?")
    assert code == Exit.DONE
    (path, body, headers) = service.asked[-1]
    assert path == "/rerank"
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == (
        "Bearer secret"
    )
    assert body["query"] == "Who built the Kestrel?"
    sent = body["documents" if kind == "cohere" else "texts"]
    judged = sorted(sent, key=lambda text: -share(body["query"], text))
    assert judged != sent
    for one, text in zip(found["passages"], judged, strict=True):
        assert one["text"] in text


@pytest.mark.parametrize(
    ("name", "text", "question", "answer", "cited"),
    [
        (
            "fleet.md",
            "# Fleet\n\n| Ship | Port |\n|---|---|\n| Auk | Faro |\n| Gannet | Porto |\n",
            "In which port is the Gannet?",
            "Ship: Gannet; Port: Porto [1]",
            "| Gannet | Porto |",
        ),
        (
            "rooms.csv",
            "Room,Floor,Seats\nOak,2,12\nElm,3,40\nBirch,1,6\n",
            "How many seats has the room Elm?",
            "Room: Elm; Floor: 3; Seats: 40 [1]",
            "Room: Elm; Floor: 3; Seats: 40",
        ),
        (
            "prices.html",
            "<h1>Prices</h1><table><tr><th>Service</th><th>Price</th></tr><tr><td>Sail repair</td>"
            "<td>80 euros</td></tr><tr><td>Hull paint</td><td>450 euros</td></tr></table>",
            "What does hull paint cost?",
            "Hull paint | 450 euros [1]",
            "Hull paint | 450 euros",
        ),
    ],
)
def test_a_row_of_a_table_is_quoted_alone(
    rag: Rag, name: str, text: str, question: str, answer: str, cited: str
) -> None:
    rag.write(name, text)
    rag("build")
    code, reply, _ = rag("ask", question)
    assert (code, reply["text"]) == (Exit.DONE, answer)
    (citation,) = reply["citations"]
    assert (citation["document"], citation["text"]) == (name, cited)


def test_a_draft_that_was_left_is_told_and_discarded(rag: Rag) -> None:
    rag("build")
    workspace = rag_workspace(None, rag.config)
    store, (name, _) = index_store(workspace), knowledge_config(workspace, None)
    draft = store.draft(name, store.versions(name)[0].recipe)
    draft.remove(["heron.md"])
    code, told, err = rag("versions")
    assert (code, told[1]["version"], told[1]["draft"]["building"]) == (Exit.DONE, None, True)
    assert "being built" in err
    assert rag("discard")[0] == Exit.CONFLICT
    draft.close()
    assert "not being built" in rag("versions")[2]
    code, tried, err = rag("discard", "--dry-run")
    assert (code, tried["dry_run"], tried["versions"]) == (Exit.DONE, True, [])
    assert "would be freed" in err
    code, gone, err = rag("discard")
    assert (code, gone["bytes"]) == (Exit.DONE, tried["bytes"])
    assert gone["bytes"] > 0
    assert " freed" in err
    assert [one["roles"] for one in rag("versions")[1]] == [["live"]]
    assert "everything that is kept is needed" in rag("discard")[2]
