import pytest

from seatrial.rag.groundedness.names import names


def found(text):
    return [name.text for name in names(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They met Lisa White Hardwick in Kansas.", ["Lisa White Hardwick", "Kansas"]),
        (
            "The University of Kansas and Benjamin A. Lipman.",
            ["University of Kansas", "Benjamin A. Lipman"],
        ),
        ("On Monday he met NASA.", ["NASA"]),
        ("NASA launched it.", ["NASA"]),
        ("It was Mary-Jane O'Neil", ["Mary-Jane O'Neil"]),
        ("Wine is old.", []),
        ("In the end it was so.", []),
        ("all in lower case", []),
    ],
)
def test_capitals_make_names_but_the_start_of_a_sentence_does_not(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Laut der Dokumentation öffnet das Programm die Datei nicht.", []),
        ("Gestern hat Angela Merkel den Vertrag mit GnuCash und IPv4 gesehen.",
         ["Angela Merkel", "GnuCash", "IPv4"]),
        ("Neue Konten werden auf der Seite von GIMP angelegt.", ["GIMP"]),
    ],
)  # fmt: skip
def test_nouns_of_german_are_no_names(text, expected):
    assert found(text) == expected


def test_a_name_keeps_its_digits():
    assert found("They rent machines of Amazon EC2 by IPv6.") == ["Amazon EC2", "IPv6"]


def test_chinese_names_are_told_by_their_marks():
    assert found("《战国无双3》由“任天堂”发行，作者是「光荣」。") == ["战国无双3", "任天堂", "光荣"]
    assert found("作者是约翰·史密斯。")[0].endswith("约翰·史密斯")


def test_spans_are_those_of_the_names():
    text = "In 911 Rollo met “任天堂” and King Charles III."
    for name in names(text):
        assert text[name.start : name.end] == name.text
