import pytest

from seatrial.gateway.chat.request import Format, ResponseFormat, Tool
from seatrial.gateway.tokens.tool_form import (
    MAX_DEPTH,
    WITHOUT_END,
    format_bound,
    format_tokens,
    tools_bound,
    tools_tokens,
)


def words(text):
    """A token a word, punctuation parting words."""
    return len("".join(c if c.isalnum() else " " for c in text).split())


def tool(properties, **more):
    return Tool(name="f", parameters={"type": "object", "properties": properties, **more})


def tokens(*tools):
    return tools_tokens(tools, words, per_tool=7)


EMPTY = 12 + 7 + 1


def test_no_tool_is_no_token():
    assert tokens() == 0
    assert tools_bound((), words, margin=16) == 0


def test_each_part_of_a_tool_counts_by_the_rule():
    assert tokens(Tool(name="f")) == EMPTY
    assert tokens(Tool(name="f", description="three short words.")) == EMPTY + 3
    flat = tool({"a": {"type": "string", "description": "two words"}})
    assert tokens(flat) == EMPTY + 3 + (3 + 4)
    listed = tool({"a": {"type": "string", "enum": ["x", "y"]}})
    assert tokens(listed) == EMPTY + 3 + (3 + 2) - 3 + 2 * (3 + 1)


def test_the_end_is_counted_once():
    assert tokens(Tool(name="f"), Tool(name="g")) == EMPTY + 8


def test_nested_properties_count_level_by_level():
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    leaf = 3 + (3 + 2)
    assert tokens(tool({"a": inner})) == EMPTY + 3 + (3 + 2) + leaf
    assert tokens(tool({"a": {"type": "array", "items": inner}})) == EMPTY + 3 + (3 + 2) + leaf


@pytest.mark.parametrize(
    "schema", [{"properties": []}, {"properties": {"a": True}}, {"properties": {"a": {"enum": 7}}}]
)
def test_an_odd_schema_is_counted_as_far_as_it_can_be_read(schema):
    assert tokens(Tool(name="f", parameters=schema)) >= EMPTY


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_a_schema_as_deep_as_one_likes_is_counted():
    assert tokens(Tool(name="f", parameters=deep(300))) > EMPTY


def bound(parameters):
    return tools_bound((Tool(name="f", parameters=parameters),), words, margin=16)


def test_the_bound_is_the_json_and_a_margin():
    schema = {"properties": {"a": {"type": "string", "description": "two words"}}}
    assert bound(schema) == 16 + words(
        '["f",null,{"properties":{"a":{"type":"string","description":"two words"}}},null]'
    )


def test_the_bound_writes_references_out():
    long = {"type": "string", "description": "word " * 100}
    once = {"properties": {"a": {"$ref": "#/$defs/L"}}, "$defs": {"L": long}}
    thrice = {"properties": {k: {"$ref": "#/$defs/L"} for k in "abc"}, "$defs": {"L": long}}
    assert 200 <= bound(once) < 250
    assert bound(thrice) - bound(once) >= 200


def test_references_that_multiply_are_counted_without_being_written():
    """Ten definitions, each twice the next, are a thousand of the last."""
    definitions = {f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 2} for n in range(10)}
    definitions["D10"] = {"description": "word " * 50}
    assert bound({"$ref": "#/$defs/D0", "$defs": definitions}) > 50 * 1024


def test_a_definition_within_itself_counts_once():
    tree = {"properties": {"left": {"$ref": "#/$defs/T"}, "right": {"$ref": "#/$defs/T"}}}
    assert bound({"$ref": "#/$defs/T", "$defs": {"T": tree}}) < 100


def test_a_chain_of_references_that_is_too_long_to_follow_has_no_bound():
    chain = {f"D{n}": {"$ref": f"#/$defs/D{n + 1}"} for n in range(5000)}
    assert bound({"$ref": "#/$defs/D0", "$defs": chain}) >= WITHOUT_END
    short = {f"D{n}": {"$ref": f"#/$defs/D{n + 1}"} for n in range(MAX_DEPTH)}
    assert bound({"$ref": "#/$defs/D0", "$defs": short}) < 2000


def test_a_format_without_a_schema_is_no_token():
    for form in (None, ResponseFormat(form=Format.TEXT), ResponseFormat(form=Format.JSON)):
        assert format_tokens(form, words) == format_bound(form, words) == 0


def test_a_schema_asked_for_counts_as_its_json_and_is_bound_with_its_references():
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string", "description": "word " * 9}}}
    form = ResponseFormat(form=Format.SCHEMA, name="answer", schema=schema)
    json = '["answer",null,{"$ref":"#/$defs/A","$defs":{"A":' + '"type":"string","description":"'
    assert format_tokens(form, words) == words(json + "word " * 9)
    assert format_bound(form, words) >= format_tokens(form, words) + 9
