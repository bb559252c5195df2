"""What was named, as a stream of documents and of what was skipped."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.rag.loading.outcome import Loaded, Reason, Skipped, Unchanged
from seatrial.rag.loading.source import Source
from seatrial.rag.text.document import Document

from ...conformance.loader_documents import (
    CHINESE,
    docx,
    locked_pdf,
    mail_with_attachments,
    message,
    pdf,
    pptx,
    xlsx,
)


def documents(loaded: list[Loaded]) -> dict[str, Document]:
    return {one.id: one for one in loaded if isinstance(one, Document)}


def reasons(loaded: list[Loaded]) -> dict[str, Reason]:
    return {
        f"{one.source}#{one.part}" if one.part else one.source: one.reason
        for one in loaded
        if isinstance(one, Skipped)
    }


def digests(loaded: list[Loaded]) -> dict[str, str]:
    return {one.id: one.digest for one in loaded if isinstance(one, Document | Unchanged)}


def write(folder: Path, **files: bytes | str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return tmp_path / "docs"


ALL = {
    "a.txt": b"The keel of a ship.",
    "b.md": b"# Heading\nText.",
    "c.html": b"<h1>Page</h1>",
    "d.pdf": pdf("One", "Two"),
    "e.docx": docx(),
    "f.pptx": pptx(),
    "g.xlsx": xlsx({"S": [["a"], ["b"]]}),
    "h.csv": b"a,b\n1,2\n",
    "i.json": b'{"a": 1}',
    "j.jsonl": b'{"id": "x", "text": "Line."}\n',
    "k.py": b"x = 1\n",
    "l.eml": mail_with_attachments(),
    "m.txt.gz": gzip.compress(b"Packed.", mtime=0),
}


def test_every_format_becomes_documents(docs, load):
    for name, content in ALL.items():
        (docs / name).write_bytes(content)
    os.utime(docs / "a.txt", ns=(0, 0))
    loaded = load()
    found = documents(loaded)
    assert [one.id for one in found.values()] == [
        *(name for name in ALL if name < "j"),
        "j.jsonl#x",
        "k.py",
        "l.eml",
        "l.eml#plan.pdf",
        "l.eml#notes.txt",
        "l.eml#3 notes.txt",
        "m.txt.gz",
    ]
    assert reasons(loaded) == {"l.eml#ship.png": Reason.UNSUPPORTED}
    plain = found["a.txt"]
    assert (plain.title, plain.source, plain.format, plain.language) == (
        "a.txt",
        "a.txt",
        "text",
        "en",
    )
    assert plain.metadata == {"modified": "1970-01-01T00:00:00Z"}
    assert plain.readers is None
    assert found["j.jsonl#x"].source == "j.jsonl"
    assert found["l.eml#plan.pdf"].format == "pdf"
    assert found["l.eml#plan.pdf"].pages == (0, 10)
    assert found["m.txt.gz"].text == "Packed."
    assert len(set(digests(loaded).values())) == len(found)


def test_what_is_unchanged_is_not_parsed_again(docs, load, isolation):
    for name, content in ALL.items():
        (docs / name).write_bytes(content)
    known = digests(load())
    isolation.asked.clear()
    again = load(known)
    assert isolation.asked == []
    assert digests(again) == known
    assert not documents(again)
    (docs / "d.pdf").write_bytes(pdf("Three"))
    assert list(documents(load(known))) == ["d.pdf"]
    assert isolation.asked == ["d.pdf"]


@pytest.mark.parametrize(
    "changed",
    [
        {"source": {"metadata": {"team": "x"}}},
        {"source": {"readers": ["hr"]}},
        {"source": {"rules": [{"files": "*.txt", "readers": []}]}},
        {"source": {"encoding": "gb18030"}},
        {"source": {"format": "markdown"}},
        {"access": {"default": "nobody"}},
    ],
)
def test_settings_that_decide_what_a_document_is_are_in_its_digest(docs, load, changed):
    write(docs, a_dot_txt="x")
    assert digests(load()) == digests(load(limits={"file_bytes": 1000}, workers=3))
    assert digests(load()) != digests(load(**changed))


def test_a_digest_costs_no_parsing_and_is_the_documents_own(docs, corpus, load, isolation):
    write(docs, a_dot_txt="x", d_dot_pdf=pdf("One"), j_dot_jsonl='{"text": "x"}')
    sources = {one.name: one for one in corpus().sources() if isinstance(one, Source)}
    found = {name: source.digest() for name, source in sources.items()}
    assert isolation.asked == []
    loaded = documents(load())
    for name in ("a.txt", "d.pdf"):
        assert loaded[name].digest == found[name]
        assert sources[name].n_bytes == (docs / name).stat().st_size
    assert len(set(found.values())) == 3
    write(docs, j_dot_jsonl='{"text": "y"}')
    assert sources["j.jsonl"].digest() != found["j.jsonl"]


def test_broken_files_do_not_stop_the_rest(docs, load):
    broken = {
        "bin.txt": (b"a\0b", Reason.BINARY),
        "blank.txt": (b" \n", Reason.NOTHING_TO_READ),
        "cut.docx": (docx()[:-100], Reason.UNREADABLE),
        "cut.pdf": (pdf("x")[:60], Reason.UNREADABLE),
        "cut.txt.gz": (gzip.compress(b"x" * 100, mtime=0)[:-9], Reason.UNREADABLE),
        "empty.pdf": (b"", Reason.EMPTY),
        "empty.jsonl": (b"", Reason.EMPTY),
        "fake.pdf": (b"<html>", Reason.UNREADABLE),
        "front.md": (b"---\nreaders: [\n---\n", Reason.BAD_METADATA),
        "damaged.txt": (CHINESE.encode()[:-1], Reason.WRONG_ENCODING),
        "list.json": (b"[", Reason.BAD_RECORD),
        "locked.pdf": (locked_pdf("word"), Reason.ENCRYPTED),
        "mail.eml": (b"\n", Reason.UNREADABLE),
        "picture.png": (b"\x89PNG", Reason.UNSUPPORTED),
        "scan.pdf": (pdf("", ""), Reason.NOTHING_TO_READ),
        "script.html": (b"<script>x</script>", Reason.NOTHING_TO_READ),
        "spam.mbox": (b"no mailbox", Reason.UNREADABLE),
    }
    for name, (content, _) in broken.items():
        (docs / name).write_bytes(content)
    write(docs, good_dot_txt="Good.", zz_dot_pdf=pdf("Good"))
    loaded = load()
    assert set(documents(loaded)) == {"good.txt", "zz.pdf"}
    assert reasons(loaded) == {name: reason for name, (_, reason) in broken.items()}
    for one in loaded:
        if isinstance(one, Skipped):
            assert one.problem.startswith(one.source)
            assert one.problem.endswith(".")
            assert one.remedy.endswith(".")


def test_the_owners_password_hinders_nobody(docs, load):
    write(docs, a_dot_pdf=locked_pdf(""))
    assert documents(load())["a.pdf"].text == "secret"


def test_lines_of_jsonl_are_documents_with_the_fields_that_are_named(docs, load):
    lines = [
        {"key": 7, "head": "T", "body": "One.", "more": "Two.", "acl": ["hr"], "at": "2030-01-05"},
        {"key": "b", "body": CHINESE, "acl": "everyone", "lang": "ZH", "team": "x"},
        {"key": "c", "body": "No list."},
        {"key": "d", "acl": []},
        {"key": "e", "body": 3, "acl": []},
        {"key": "b", "body": "Again.", "acl": []},
        {"body": "Nameless.", "acl": []},
        {"key": "a#b", "body": "x", "acl": {"hr": 1}},
        [1],
    ]
    text = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\nno json\n"
    write(docs, a_dot_jsonl=text)
    fields = {
        "id": "key",
        "title": "head",
        "text": ["body", "more"],
        "metadata": "*",
        "readers": "acl",
        "language": "lang",
        "created": "at",
    }
    loaded = load(source={"fields": fields, "rules": [{"files": "*", "readers": "rule"}]})
    found = documents(loaded)
    nameless = [name for name in found if name not in {"a.jsonl#7", "a.jsonl#b"}]
    assert len(nameless) == 1
    first, second = found["a.jsonl#7"], found["a.jsonl#b"]
    assert (first.text, first.title, first.readers) == ("One.\n\nTwo.", "T", frozenset({"hr"}))
    assert first.metadata["created"] == "2030-01-05T00:00:00Z"
    assert "key" not in first.metadata
    assert (second.language, second.readers, second.metadata["team"]) == ("zh", None, "x")
    assert second.title == "b"
    assert found[nameless[0]].readers == frozenset()
    assert [(one.part, one.reason) for one in loaded if isinstance(one, Skipped)][:3] == [
        ("c", Reason.BAD_METADATA),
        ("d", Reason.BAD_RECORD),
        ("e", Reason.BAD_RECORD),
    ]
    assert sorted(reasons(loaded).values()) == sorted(
        [Reason.BAD_METADATA] * 2 + [Reason.BAD_RECORD] * 4 + [Reason.DUPLICATE]
    )


def test_one_changed_line_is_one_changed_document(docs, load):
    lines = [json.dumps({"id": str(i), "text": f"Text {i}."}) for i in range(50)]
    write(docs, a_dot_jsonl="\n".join(lines))
    known = digests(load())
    lines[17] = json.dumps({"id": "17", "text": "Changed."})
    write(docs, a_dot_jsonl="\n".join(reversed(lines)))
    again = load(known)
    assert list(documents(again)) == ["a.jsonl#17"]
    assert len(digests(again)) == 50


def test_many_records_with_one_id_are_counted_not_told_one_by_one(docs, load):
    write(docs, a_dot_jsonl='{"text": "Good."}\n' * 1000)
    loaded = load()
    assert len(documents(loaded)) == 1
    skipped = [one for one in loaded if isinstance(one, Skipped)]
    assert len(skipped) == 101
    assert {one.reason for one in skipped} == {Reason.DUPLICATE}
    assert "899 more" in skipped[-1].problem


def test_many_broken_lines_are_counted_not_told_one_by_one(docs, load):
    write(docs, a_dot_jsonl="no json\n" * 1000 + '{"text": "Good."}')
    loaded = load()
    assert len(documents(loaded)) == 1
    skipped = [one for one in loaded if isinstance(one, Skipped)]
    assert len(skipped) == 101
    assert "900 more" in skipped[-1].problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,text,team\n1,"One,\ntwo",x\n2,二,y\n'.encode()),
        ("a.csv", 'id;text;team\r\n1;"One,\ntwo";x\r\n2;二;y\r\n'.encode("utf-8-sig")),
        ("a.tsv", 'id\ttext\tteam\n1\t"One,\ntwo"\tx\n2\t二\ty\n'.encode("utf-16")),
        ("a.csv.gz", gzip.compress('id,text,team\n1,"One,\ntwo",x\n2,二,y\n'.encode(), mtime=0)),
        (
            "a.json",
            json.dumps(
                [{"id": 1, "text": "One,\ntwo", "team": "x"}, {"id": 2, "text": "二", "team": "y"}]
            ).encode(),
        ),
        (
            "a.json",
            b'{"n": 2, "rows": [{"id": "1", "text": "One,\\ntwo", "team": "x"}, '
            b'{"id": "2", "text": "\\u4e8c", "team": "y"}]}',
        ),
    ],
)
def test_rows_and_lists_become_documents_where_fields_are_named(docs, load, name, content):
    (docs / name).write_bytes(content)
    loaded = load(source={"fields": {"metadata": ["team"]}})
    assert reasons(loaded) == {}
    found = list(documents(loaded).values())
    assert [one.id for one in found] == [f"{name}#1", f"{name}#2"]
    assert [one.text for one in found] == ["One,\ntwo", "二"]
    assert [one.metadata["team"] for one in found] == ["x", "y"]
    assert found[0].format == name.split(".")[1].replace("tsv", "csv")


def test_a_mailbox_is_its_messages(docs, load):
    quoted = message(body="From here on.\n>From there.\n").as_bytes().replace(b"\nFrom", b"\n>From")
    second = mail_with_attachments().replace(b"<one@", b"<two@")
    third = message(body="No id.")
    del third["Message-ID"]
    box = b"".join(
        b"From ada Sat Jan  5 12:00:00 2030\n" + mail + b"\n\n"
        for mail in (quoted, second, third.as_bytes())
    )
    write(docs, a_dot_mbox=box)
    loaded = load()
    found = documents(loaded)
    names = list(found)
    assert names[:3] == [
        "a.mbox#one@example.com",
        "a.mbox#two@example.com",
        "a.mbox#two@example.com#plan.pdf",
    ]
    assert "From here on." in found[names[0]].text
    assert found[names[0]].format == "email"
    assert len(names) == 6
    assert digests(load(digests(loaded))) == digests(loaded)
    assert not documents(load(digests(loaded)))


def test_a_message_in_a_message_is_read_but_not_without_end(docs, load):
    mail = message(body="Innermost.")
    for depth in range(6):
        outer = message(body=f"Around {depth}.")
        outer.add_attachment(mail)
        mail = outer
    write(docs, a_dot_eml=mail.as_bytes())
    loaded = load()
    texts = " ".join(one.text for one in documents(loaded).values())
    assert "Around 5." in texts
    assert "Around 2." in texts
    assert "Innermost." not in texts
    assert Reason.TOO_LARGE in reasons(loaded).values()


def test_what_is_attached_cannot_say_who_may_read_it(docs, load):
    mail = message()
    mail.add_attachment("---\nreaders: everyone\n---\nSecret.", filename="a.md")
    write(docs, a_dot_eml=mail.as_bytes())
    found = documents(load(source={"readers": "hr"}))
    assert found["a.eml#a.md"].readers == frozenset({"hr"})


def test_folders_with_files_of_equal_names_need_names(tmp_path, docs, load, corpus):
    write(docs, a_dot_txt="One.")
    write(tmp_path / "more", a_dot_txt="Two.")
    both = [{"path": "docs"}, {"path": "more"}]
    loaded = load(sources=both)
    assert [one.text for one in documents(loaded).values()] == ["One."]
    assert reasons(loaded) == {"a.txt": Reason.DUPLICATE}
    both[1]["name"] = "more"
    assert set(documents(load(sources=both))) == {"a.txt", "more/a.txt"}


@pytest.mark.parametrize(
    ("name", "limits", "told"),
    [
        ("a.txt", {"file_bytes": 10}, "file_bytes"),
        ("d.pdf", {"pages": 1}, "pages"),
        ("f.pptx", {"pages": 1}, "pages"),
        ("g.xlsx", {"rows": 1}, "rows"),
        ("h.csv", {"rows": 1}, "rows"),
        ("j.jsonl", {"stream_bytes": 10}, "stream_bytes"),
        ("j.jsonl", {"record_bytes": 10}, "record_bytes"),
        ("l.eml", {"attachments": 2}, "attachments"),
        ("m.txt.gz", {"unpacked_bytes": 10}, "unpacked_bytes"),
        ("e.docx", {"unpacked_bytes": 1000}, "unpacked_bytes"),
    ],
)
def test_what_is_over_a_limit_is_skipped_and_the_limit_named(docs, load, name, limits, told):
    large = {
        "a.txt": b"x" * 11,
        "g.xlsx": xlsx({"S": [["a"], ["b"], ["c"]]}),
        "h.csv": b"a\n1\n2\n",
        "m.txt.gz": gzip.compress(b"x" * 11, mtime=0),
    }
    (docs / name).write_bytes(large.get(name) or ALL[name])
    [skipped] = [one for one in load(limits=limits) if isinstance(one, Skipped)]
    assert skipped.reason is Reason.TOO_LARGE
    assert f"limits.{told}" in skipped.remedy


def test_a_json_list_that_is_too_large_is_better_written_as_lines(docs, load):
    (docs / "a.json").write_text('[{"text": "x"}]')
    [skipped] = load(source={"fields": {}}, limits={"record_bytes": 10})
    assert isinstance(skipped, Skipped)
    assert skipped.reason is Reason.TOO_LARGE
    assert "as JSONL" in skipped.remedy


def test_a_missing_package_is_a_reason_with_the_line_that_installs_it(docs, load, monkeypatch):
    write(docs, a_dot_pdf=pdf("x"), b_dot_txt="Good.", c_dot_txt=CHINESE.encode("gbk"))
    monkeypatch.setitem(__import__("sys").modules, "pypdf", None)
    monkeypatch.setitem(__import__("sys").modules, "charset_normalizer", None)
    loaded = load()
    assert set(documents(loaded)) == {"b.txt"}
    skipped = [one for one in loaded if isinstance(one, Skipped)]
    assert {one.reason for one in skipped} == {Reason.MISSING_EXTRA}
    assert skipped[0].remedy == "Run: pip install 'seatrial[documents]'."


def test_a_file_that_vanishes_or_grows_meanwhile_is_told_or_read(docs, corpus):
    write(docs, a_dot_txt="a", b_dot_txt="b", c_dot_txt="c")
    sources = list(corpus(limits={"file_bytes": 5}).sources())
    (docs / "a.txt").unlink()
    write(docs, b_dot_txt="bbbb", c_dot_txt="c" * 6)
    loaded = [item for source in sources for item in source.load()]
    assert reasons(loaded) == {"a.txt": Reason.UNREADABLE, "c.txt": Reason.TOO_LARGE}
    assert documents(loaded)["b.txt"].text == "bbbb"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    suffix=st.sampled_from([".txt", ".md", ".csv", ".json", ".jsonl", ".eml", ".html", ".mbox"]),
    content=st.one_of(
        st.binary(max_size=200),
        st.text("ab,;\"'\n\r\t{}[]:#-=|<>/& 1中", max_size=80).map(str.encode),
    ),
    fields=st.booleans(),
)
def test_any_bytes_are_documents_or_reasons(docs, load, suffix, content, fields):
    path = docs / f"a{suffix}"
    path.write_bytes(content)
    loaded = load(source={"fields": {"text": "b"}} if fields else {})
    path.unlink()
    for one in loaded:
        if isinstance(one, Document):
            assert one.text.strip()
            assert one.text.encode()
            assert all(0 <= section.start < len(one.text) for section in one.sections)
    if suffix not in {".jsonl", ".csv", ".json", ".mbox"}:
        assert len(loaded) == 1
