from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.config_file import MAX_BYTES, ConfigUnreadable, parse


@pytest.mark.parametrize("raw", [b"", b"# nothing\n", b"---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_empty_mapping(raw):
    assert parse(raw, "f.yaml") == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("1:30", "1:30"),
        ("2030-01-01", "2030-01-01"),
        ("010", "010"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("+5", 5),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("'5'", "5"),
        ("模型", "模型"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text, value):
    read = parse(f"key: {text}".encode(), "f.yaml")["key"]
    assert read == value
    assert type(read) is type(value)


def test_anchors_aliases_and_merges_work():
    text = b"base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nsame: *b\n"
    read = parse(text, "f.yaml")
    assert read["more"] == {"x": 1, "y": 3}
    assert read["same"] == read["base"]


_BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12)
)
_CHAIN = b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (i, i, i - 1) for i in range(1, 40))


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"- a\n- b\n", "list or a single value"),
        (b"text", "list or a single value"),
        (bytes(range(256)), "byte 128"),
        ("a: 1".encode("utf-16"), "UTF-8"),
        (b"a: \0", "#x0000"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"a: " + b"[" * 40 + b"]" * 40, "deeper than"),
        (b"[" * 600, "deeper than"),
        (_BOMB, "aliases are resolved"),
        (_CHAIN, "deeper than"),
        (b"a: &a [*a]", "contains itself at line 1, column 4"),
        (b"a: &a\n  <<: *a\n", "contains itself"),
        (b"a: 1\nb: 2\na: 3\n", "'a' twice, again at line 3, column 1"),
        (b"s: {x: 1, x: 2}\n", "'x' twice"),
        (b"1: one\n", "not text at line 1"),
        (b"true: one\n", "not text"),
        (b"? [1, 2]\n: 3\n", "not text"),
        (b"a: !!python/object/apply:os.system [ls]\n", "tag at line 1, column 4"),
        (b"a: !!timestamp x\n", "tag"),
        (b"a: !!str 5\n", "tag"),
        (b"a: 1\n---\nb: 2\n", "another document at line 2"),
        (b"a: *unknown\n", "undefined alias"),
        (b"a:\n\tb: 1\n", "line 2, column 1"),
        (b"a: " + b"9" * 5000, "cannot be read"),
        (b"<<: 5\n", "merging"),
        (b'a: "\\ud800"', "surrogate pair at line 1, column 4"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_plain_mapping_is_refused_with_the_place(raw, what):
    with pytest.raises(ConfigUnreadable) as caught:
        parse(raw, "my.yaml")
    assert what in caught.value.problem
    assert caught.value.problem.startswith("my.yaml ")
    assert "YAML mapping" in caught.value.remedy


_PIECES = st.sampled_from(
    [
        *"a\n[]{}'?>%#\t1é",
        ": ",
        "  ",
        "- ",
        "&x ",
        "*x",
        "<<: ",
        "!!int ",
        '"',
        "---",
        ".nan",
        "\\u",
    ]
)


@given(st.binary(max_size=200) | st.lists(_PIECES, max_size=40).map(lambda p: "".join(p).encode()))
def test_no_bytes_bring_another_error(raw):
    with suppress(ConfigUnreadable):
        assert isinstance(parse(raw, "f.yaml"), dict)
