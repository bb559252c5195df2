"""Where a character stands: under which headings, on which page."""

from seatrial.rag.text.document import Document, Section


def document() -> Document:
    return Document(
        id="a.md",
        text="x" * 100,
        title="A",
        source="a.md",
        format="markdown",
        language="en",
        digest="0",
        sections=(
            Section(level=1, title="One", start=10),
            Section(level=3, title="Deep", start=20),
            Section(level=2, title="Two", start=40),
            Section(level=1, title="Last", start=60),
        ),
        pages=(0, 50),
    )


def test_the_path_of_headings_closes_those_of_the_same_or_a_lower_level() -> None:
    paths = [document().outline.section_at(offset) for offset in (0, 10, 25, 45, 99)]
    assert paths == [(), ("One",), ("One", "Deep"), ("One", "Two"), ("Last",)]


def test_pages_count_from_one_and_are_unknown_where_there_are_none() -> None:
    assert [document().outline.page_at(offset) for offset in (0, 49, 50)] == [1, 1, 2]
    plain = Document(
        id="b", text="", title="", source="b", format="text", language=None, digest="1"
    )
    assert plain.outline.page_at(0) is None
