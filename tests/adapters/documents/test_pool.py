"""Child processes that parse, and what becomes of files that hang, crash or swell them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from seatrial.adapters.documents.loaders import document_loaders
from seatrial.adapters.documents.pool import LoaderPool
from seatrial.kernel.config import validated
from seatrial.rag.loading.config import LoadingConfig
from seatrial.rag.loading.corpus import Corpus
from seatrial.rag.loading.loader import About, Flaw, Parsed, Splitter
from seatrial.rag.loading.outcome import Reason, Skipped, Unloadable
from seatrial.rag.loading.reading import pieces
from seatrial.rag.loading.settings import Fields, LimitsConfig
from seatrial.rag.text.document import Document

from ...conformance.loader_documents import docx, mail_with_attachments, pdf, pptx, xlsx

NESTED = b"<div>" * 200_000 + b"end"
"""The parser of HTML takes time that grows with the square of the depth."""

FILES = {
    "html": b"<h1>Page</h1><p>Text",
    "pdf": pdf("One", "Two", title="T"),
    "docx": docx(),
    "pptx": pptx(),
    "xlsx": xlsx({"S": [["a"], ["b"]]}),
    "email": mail_with_attachments(),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[LoaderPool]:
    with LoaderPool(2) as started:
        yield started


def children() -> set[int]:
    return {
        process.pid
        for process in psutil.Process().children()
        if "seatrial.adapters.documents.child" in process.cmdline()
    }


@pytest.mark.parametrize("name", FILES)
def test_a_child_finds_what_is_found_here(pool, name):
    loader = document_loaders()[name]
    assert not isinstance(loader, Splitter)
    assert loader.isolated
    about = About(name=f"a.{name}", fields=Fields(metadata=("x",)), limits=LimitsConfig(pages=50))
    assert pool.load(name, FILES[name], about) == pieces(loader, FILES[name], about)


def test_what_is_refused_there_is_refused_here(pool):
    with pytest.raises(Unloadable, match=r"is not a PDF\.") as caught:
        pool.load("pdf", b"x", About(name="a.pdf"))
    assert caught.value.reason is Reason.UNREADABLE
    [*_, flaw] = pool.load("email", FILES["email"], About(name="a.eml"))
    assert isinstance(flaw, Flaw)
    assert flaw.reason is Reason.UNSUPPORTED


def test_a_file_that_hangs_its_parser_is_skipped_and_the_next_is_read(pool):
    with pytest.raises(Unloadable, match=r"not parsed within 0\.2 s") as caught:
        pool.load("html", NESTED, About(name="a.html", limits=LimitsConfig(time=0.2)))
    assert caught.value.reason is Reason.TOO_SLOW
    assert "limits.time" in caught.value.remedy
    [parsed] = pool.load("html", b"<p>x", About(name="b.html"))
    assert isinstance(parsed, Parsed)
    assert parsed.text == "x"


def test_a_child_that_dies_costs_one_file(pool):
    pool.load("html", b"x", About(name="a.html"))
    before = children()
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for _ in before:
        with pytest.raises(Unloadable) as caught:
            pool.load("html", b"x", About(name="a.html"))
        assert caught.value.reason is Reason.CRASHED
    assert pool.load("html", b"x", About(name="a.html"))
    assert not children() & before


def test_a_file_that_wants_too_much_memory_is_skipped():
    with LoaderPool(1, memory_bytes=300_000_000) as small:
        page = b"<i>a</i>" * 4_000_000
        with pytest.raises(Unloadable) as caught:
            small.load("html", page, About(name="a.html"))
        assert caught.value.reason is Reason.TOO_LARGE
        assert "limits.memory_bytes" in caught.value.remedy
        assert small.load("html", b"<p>x", About(name="b.html"))


def test_texts_that_cannot_be_stored_are_mended_without_moving_any_offset(pool):
    [parsed] = pool.load("html", b"<h1>a&#0;b</h1><h1>c\xed\xa0\x80</h1>", About(name="a.html"))
    assert isinstance(parsed, Parsed)
    assert parsed.text.encode()
    assert "\0" not in parsed.text
    for section in parsed.sections:
        assert parsed.text.startswith(section.title, section.start)


def test_several_threads_may_ask_at_once(pool):
    def text_of(number: int) -> str:
        [parsed] = pool.load("html", f"<p>Page {number}".encode(), About(name="a.html"))
        assert isinstance(parsed, Parsed)
        return parsed.text

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(text_of, range(40))) == [f"Page {i}" for i in range(40)]
    assert len(children()) <= 2


def test_no_process_is_started_before_it_is_needed_and_none_is_left():
    before = children()
    with LoaderPool(2) as started:
        assert children() == before
        started.load("html", b"x", About(name="a.html"))
        assert len(children() - before) == 1
    assert children() == before


Load = Callable[..., list[object]]


@pytest.fixture
def load(tmp_path: Path, pool: LoaderPool) -> Load:
    def loaded(**values: object) -> list[object]:
        config = validated(LoadingConfig, {"sources": [{"path": "."}]} | values, "test")
        return list(Corpus(config, tmp_path, document_loaders(), pool).load())

    return loaded


def test_documents_come_in_order_whatever_runs_at_once(tmp_path, load):
    for number in range(30):
        name = f"{number:02}.{'html' if number % 3 else 'txt'}"
        (tmp_path / name).write_text(f"Text {number}.")
    found = [one.text for one in load() if isinstance(one, Document)]
    assert found == [f"Text {number}." for number in range(30)]


def test_hostile_files_cost_nobody_else_anything(tmp_path, load):
    (tmp_path / "a.html").write_bytes(NESTED)
    (tmp_path / "b.pdf").write_bytes(pdf("Good."))
    (tmp_path / "c.docx").write_bytes(b"PK\3\4" + os.urandom(500))
    (tmp_path / "d.html").write_text("<p>Good, too.<script>while (true) {}</script>")
    loaded = load(limits={"time": 3})
    texts = [one.text for one in loaded if isinstance(one, Document)]
    assert texts == ["Good.", "Good, too."]
    assert [(one.source, one.reason) for one in loaded if isinstance(one, Skipped)] == [
        ("a.html", Reason.TOO_SLOW),
        ("c.docx", Reason.UNREADABLE),
    ]


def test_a_stream_that_is_left_early_leaves_nothing_running(tmp_path, pool):
    for number in range(20):
        (tmp_path / f"{number}.html").write_text("<p>x")
    config = validated(LoadingConfig, {"sources": [{"path": "."}]}, "test")
    stream = Corpus(config, tmp_path, document_loaders(), pool).load()
    assert isinstance(next(stream), Document)
    stream.close()  # type: ignore[attr-defined]
    assert pool.load("html", b"<p>x", About(name="a.html"))
