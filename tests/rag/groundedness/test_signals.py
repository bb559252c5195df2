import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.groundedness.material import MAX_SENTENCE, Material
from seatrial.rag.groundedness.profile import SIGNALS
from seatrial.rag.groundedness.signals import compare, nearest

PASSAGES = [
    "Rollo led the Normans. In 911 he swore fealty to King Charles III of West Francia.",
    "《战国无双3》由光荣开发。本作共有20张战场地图，于2009年12月3日发售。",
]


@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=3))
def test_every_signal_is_measured_of_any_texts(sentence, passages):
    material = Material(passages)
    found = compare(sentence, material)
    assert found.values.keys() == SIGNALS.keys()
    for share in ("cover", "window", "phrases", "names"):
        assert 0 <= found.values[share] <= 1 + 1e-9
    for span in found.missing:
        assert sentence[span.start : span.end].strip()
    for piece in found.window:
        assert material.text(piece).strip()


@pytest.mark.parametrize("sentence", ["Rollo led the Normans.", "《战国无双3》由光荣开发。"])
def test_what_stands_there_is_covered_whole(sentence):
    values = compare(sentence, Material(PASSAGES)).values
    assert values["cover"] == pytest.approx(1)
    assert values["window"] == pytest.approx(1)
    assert not any(values[name] for name in ("numbers_missing", "names_missing", "denied"))


def test_the_nearest_piece_is_the_one_that_says_it():
    material = Material(PASSAGES)
    for sentence, text in (
        (
            "Rollo swore fealty to Charles.",
            "In 911 he swore fealty to King Charles III of West Francia.",
        ),
        ("有多少张战场地图", "本作共有20张战场地图，于2009年12月3日发售。"),
    ):
        piece, _, share = nearest(sentence, material)[0]
        assert material.text(piece) == text
        assert 0 < share <= 1


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("He swore fealty in 912.", ("912",)),
        ("It has thirty maps, 共有三十张地图。", ("thirty", "三十")),
        ("共有二十张地图。", ()),
        ("Nine hundred and eleven.", ()),
        ("It has 20 % of the maps.", ("20 %",)),
        ("About 900 of them came.", ()),
        ("Exactly 900 of them came.", ("900",)),
    ],
)
def test_numbers_are_found_by_their_value(sentence, missing):
    assert compare(sentence, Material(PASSAGES)).missing_numbers == missing


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("It came out on 3 December 2009.", ()),
        ("It came out in December 2009.", ()),
        ("它于2009-12-03发售。", ()),
        ("It came out on 4 December 2009.", ("4 December 2009",)),
        ("它于2010年发售。", ("2010年",)),
    ],
)
def test_dates_are_found_however_they_are_written(sentence, missing):
    assert compare(sentence, Material(PASSAGES)).missing_dates == missing


def test_a_name_of_the_title_is_known():
    sentence = "Yes, the Battle of Hastings took place in October."
    passages = ["It took place in October."]
    assert compare(sentence, Material(passages)).missing_names == ("Battle of Hastings",)
    assert compare(sentence, Material(passages, ["Battle of Hastings"])).missing_names == ()


@pytest.mark.parametrize(
    "address", ["https://evil.example/?q=1", "www.evil.example", "a.b@evil.example"]
)
def test_an_address_must_stand_in_a_passage_as_it_is(address):
    sentence = f"Rollo led the Normans, see {address} for more."
    assert address in compare(sentence, Material(PASSAGES)).missing_names
    assert address not in compare(sentence, Material([*PASSAGES, f"See {address}."])).missing_names


def test_likeness_chooses_among_the_nearest():
    material = Material(["The red fox jumps high. The red fox sleeps long."])
    sentence = "The red fox rests."
    liked = compare(
        sentence, material, likeness=lambda _, texts: [float("sleeps" in text) for text in texts]
    )
    assert liked.best is not None
    assert "sleeps" in material.text(liked.best)
    assert "jumps" in material.text(compare(sentence, material).best or 0)


def test_a_sentence_without_an_end_is_cut_into_pieces_that_keep_their_place():
    passage = "word " * 1000 + "无" * 3000
    material = Material([passage])
    assert all(len(material.text(i)) <= MAX_SENTENCE for i in range(len(material.pieces)))
    joined = "".join(material.text(i) for i in range(len(material.pieces)))
    assert joined.replace(" ", "") == passage.replace(" ", "")


@pytest.mark.parametrize("unit", ["a", "a ", "Rollo ", "长", "1 ", "not ", "A.B ", "“", "than "])
def test_long_texts_take_no_longer_than_their_length(unit, cpu_seconds):
    long = unit * (100_000 // len(unit))
    with cpu_seconds(at_most=5):
        compare(long[:2000], Material([long]))
