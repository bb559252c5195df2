import pytest

from seatrial.rag.answering.tables import is_frame, named_cells
from seatrial.rag.text.document import Span
from seatrial.rag.text.sentences import sentences

TABLE = """The fleet:

| Ship | Length | Port |
|:---|---:|---|
| Heron | 12 metres | Lisbon |
| Auk | | Faro \\| Olhão |

All are of wood.
"""


def lines(text):
    return {text[span.start : span.end].split("|")[1].strip(): span for span in rows(text)}


def rows(text):
    return [span for span in sentences(text) if text[span.start] == "|"]


def test_a_row_is_said_with_the_names_of_its_columns():
    said, names = named_cells(TABLE, lines(TABLE)["Heron"])
    assert said == "Ship: Heron; Length: 12 metres; Port: Lisbon"
    assert TABLE[names.start : names.end] == "| Ship | Length | Port |"


def test_empty_cells_are_left_out_and_escaped_bars_are_text():
    said, _ = named_cells(TABLE, lines(TABLE)["Auk"])
    assert said == "Ship: Auk; Port: Faro | Olhão"


def test_the_names_of_columns_and_the_rule_are_no_rows():
    found = lines(TABLE)
    assert [name for name, span in found.items() if is_frame(TABLE, span)] == ["Ship", ":---"]


@pytest.mark.parametrize(
    "text",
    [
        "| Heron | 12 metres |\n| Auk | 31 metres |\n",  # cut off its head
        "| Ship | Length |\n|---|---|\n| Heron |\n",  # another number of cells
        "|---|---|\n| Heron | 12 metres |\n",  # a rule below nothing
        "Prose before.\n| Heron | 12 metres |\n",
    ],
)
def test_a_row_without_names_of_its_columns_has_none(text):
    assert named_cells(text, lines(text)["Heron"]) is None


def test_prose_is_no_row():
    assert named_cells("The fleet.", Span(0, 10)) is None
    assert not is_frame("The fleet.\n---\n", Span(0, 10))
