"""Reading sets of questions."""

import json
from pathlib import Path

import pytest

from seatrial.rag.evaluation import questions as questions_module
from seatrial.rag.evaluation.questions import (
    Question,
    QuestionsInvalid,
    QuestionsMissing,
    read_questions,
)


def folder(path, queries, qrels):
    (path / "queries.jsonl").write_text("\n".join(json.dumps(query) for query in queries))
    (path / "qrels.tsv").write_text(qrels)
    return path


def test_a_folder_as_the_public_sets_have_it(tmp_path):
    queries = [
        {"id": "1", "text": "Who?", "answers": ["the yard"], "answerable": True},
        {"id": 2, "text": "When?", "answerable": False},
    ]
    qrels = "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n2\tc\t1\n"
    assert read_questions(folder(tmp_path, queries, qrels)) == (
        Question(id="1", text="Who?", relevant={"a": 2}, answers=("the yard",)),
        Question(id="2", text="When?", relevant={"c": 1}, answerable=False),
    )


@pytest.mark.parametrize("suffix", [".yaml", ".json", ".jsonl"])
def test_one_file(tmp_path, suffix):
    records = [
        {"question": "谁？", "documents": ["a.md", "b.md"], "answers": "船厂"},
        {"id": "x", "question": "When?", "documents": {"a.md": 2}, "answerable": True},
        {"question": "Why?", "answerable": False},
    ]
    path = tmp_path / f"questions{suffix}"
    if suffix == ".jsonl":
        path.write_text("\n\n".join(map(json.dumps, records)))
    else:
        path.write_text(json.dumps({"questions": records}))  # JSON is YAML
    assert read_questions(path) == (
        Question(id="1", text="谁？", relevant={"a.md": 1, "b.md": 1}, answers=("船厂",)),
        Question(id="x", text="When?", relevant={"a.md": 2}),
        Question(id="3", text="Why?", answerable=False),
    )


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("[1]", r"line 1 cannot be read: \[1\] is no record"),
        ("{", "line 1 cannot be read: it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ('{"question": " "}', "its question is ' '"),
        ('{"question": "a", "answer": "b"}', "'answer' is none of answerable, answers"),
        ('{"question": "a", "answers": [1]}', r"answers \[1\] are no list of texts"),
        ('{"question": "a", "answerable": "no"}', "neither true nor false"),
        ('{"question": "a", "documents": 3}', "documents 3 are neither"),
        ('{"question": "a", "documents": {"b": "high"}}', "'high' is no grade"),
        ('{"question": "a", "documents": {"b": -1}}', "-1 is no grade"),
        (r'{"question": "a \ud800"}', r"half a character \(U\+D800\)"),
        (r'{"question": "a", "documents": ["\udfff"]}', r"half a character \(U\+DFFF\)"),
        ('{"question": "a", "id": 1}\n{"question": "b", "id": 1}', "two questions have this id"),
        ("", "it holds no question"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, record, problem):
    path = tmp_path / "questions.jsonl"
    path.write_text(record)
    with pytest.raises(QuestionsInvalid, match=problem):
        read_questions(path)


@pytest.mark.parametrize(
    ("qrels", "problem"),
    [("1\ta", "between tabs"), ("1\ta\tx", "'x' is no grade"), ("9\ta\t1", "'9' is no id of")],
)
def test_wrong_judgements(tmp_path, qrels, problem):
    with pytest.raises(QuestionsInvalid, match=problem):
        read_questions(folder(tmp_path, [{"id": "1", "text": "a"}], qrels))


def test_what_has_no_end_is_not_read_to_it(monkeypatch):
    monkeypatch.setattr(questions_module, "_MAX_BYTES", 1000)
    with pytest.raises(QuestionsInvalid, match="larger than 1,000 bytes"):
        read_questions(Path("/dev/zero"))


def test_a_list_is_needed(tmp_path):
    path = tmp_path / "questions.yaml"
    path.write_text("question: a")
    with pytest.raises(QuestionsInvalid, match="no list under `questions`"):
        read_questions(path)


def test_what_is_not_there_or_no_text(tmp_path):
    with pytest.raises(QuestionsMissing, match=r"nowhere\.jsonl"):
        read_questions(tmp_path / "nowhere.jsonl")
    (tmp_path / "latin.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(QuestionsInvalid, match="not UTF-8 text: byte 0"):
        read_questions(tmp_path / "latin.json")
