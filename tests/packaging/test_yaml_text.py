import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seatrial.packaging.yaml_text import dump

_scalars = st.none() | st.booleans() | st.integers() | st.text()
_documents = st.dictionaries(
    st.text(min_size=1),
    st.recursive(
        _scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3)
    ),
    max_size=4,
)


@given(_documents)
def test_what_is_written_is_read_back(document: dict[str, object]) -> None:
    assert yaml.safe_load(dump(document, comment="x")) == document


@pytest.mark.parametrize("word", ["on", "y", "no", "null", "1e3", "0o7", "0x1", "1_000", "~", "."])
def test_a_text_is_a_text_to_every_parser(word: str) -> None:
    assert dump({"name": word}, comment="x") == f'# x\nname: "{word}"\n'


def test_a_repeated_value_is_written_out() -> None:
    labels = {"a": "b"}
    assert "&" not in dump({"x": labels, "y": labels}, comment="x")


def test_a_comment_of_several_lines_stays_a_comment() -> None:
    assert yaml.safe_load(dump({"a": 1}, comment="x\ny: 2")) == {"a": 1}
