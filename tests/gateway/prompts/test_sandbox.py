"""Templates put data into text, and can do nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.filters import NAMES
from seatrial.gateway.prompts.meter import Limits, Meter
from seatrial.gateway.prompts.sandbox import MAX_SOURCE_CHARS, Compiled


def rendered(source: str, limits: Limits | None = None, **values: object) -> str:
    return Compiled(source, values, where="t").render(values, Meter(limits or Limits()))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ name }}!", "Hi Ann!"),
        ("{{ name | upper }} {{ name|lower|title }} {{ ' x ' | trim }}", "ANN Ann x"),
        ("{% if n > 2 and name == 'Ann' %}many{% else %}few{% endif %}", "many"),
        ("{{ 'a' if n in [1, 2] else 'b' }}", "b"),
        (
            "{% for x in xs %}{{ loop.index }}{{x}}{% if not loop.last %};{% endif %}{% endfor %}",
            "1a;2b",
        ),
        ("{% for x in xs if x != 'a' %}{{ x }}{% endfor %}", "b"),
        (
            "{% for k, v in data | items %}{{ k }}={{ v }};{% endfor %}",
            "k=1;z=None;".replace("None", ""),
        ),
        ("{% for k in data %}{{ k }}{% endfor %}{{ xs | length }}", "kz2"),
        ("{{ data.k }} {{ data['k'] }} {{ xs[1] }} {{ xs[-1] }} {{ name[0] }}", "1 1 b b A"),
        ("{{ xs | join(', ') }} {{ data | tojson }}", 'a, b {"k": 1, "z": null}'),
        ("{{ yes }} {{ none }} {{ n }} {{ 1.5 }}", "true  3 1.5"),
        ("{{ none | default('-') }} {{ data.q | default(0) }}", "- 0"),
        ("{{ data.q is defined }} {{ none is none }} {{ n + 1 - 2 }} {{ -n }}", "false true 2 -3"),
        ("{{ lines | indent(width=2) }}", "a\n  b"),
        ("{{ name | first_chars(2) }}", "An"),
        ("{# no #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_what_templates_can_do(source, text):
    values = {"name": "Ann", "n": 3, "xs": ["a", "b"], "data": {"k": 1, "z": None}, "yes": True}
    assert rendered(source, **values, none=None, lines="a\nb") == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ name.__class__ }}",
        "{{ name['__class__'] }}",
        "{{ name.upper }}",
        "{{ xs.append }}",
        "{{ data.items }}",
        "{{ data.get }}",
        "{{ xs['__len__'] }}",
        "{% for x in xs %}{{ loop.__class__ }}{% endfor %}",
        "{% for x in xs %}{{ loop.changed }}{% endfor %}",
        "{{ xs[5] }}",
        "{{ data.missing }}",
        "{{ xs }}",
        "{{ data }}",
        "{{ [1, 2] }}",
        "{{ n < name }}",
        "{{ n + name }}",
        "{{ name + name }}",
        "{{ xs + xs }}",
        "{{ yes + n }}",
        "{% for x in n %}{% endfor %}",
        "{% for x in name %}{% endfor %}",
        "{% for a, b in xs %}{% endfor %}",
        "{{ n | join }}",
        "{{ name | items }}",
        "{{ n | length }}",
        "{{ name | indent(999999999) }}",
        "{% for x in data.missing %}{% endfor %}",
        "{{ data.missing | upper }}",
        "{{ data.missing | tojson }}",
        "{{ -name }}",
    ],
)
def test_what_ends_in_an_error_when_it_is_rendered(source):
    with pytest.raises(PromptInvalid):
        rendered(source, name="Ann", n=3, xs=["a", "b"], data={"k": 1}, yes=True)


@pytest.mark.parametrize(
    "source",
    [
        "{{ name() }}",
        "{{ name.upper() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ range(10) }}",
        "{{ cycler }}",
        "{{ lipsum() }}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ _meter }}",
        "{{ unknown }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% call name() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with x = 1 %}{% endwith %}",
        "{% for x in xs recursive %}{% endfor %}",
        "{% for x in xs %}{% else %}x{% endfor %}",
        "{% for _meter in xs %}{% endfor %}",
        "{% for x in xs %}{% endfor %}{{ x }}",
        "{{ loop }}",
        "{{ name * 999999999 }}",
        "{{ 10 ** 10 }}",
        "{{ '%999999999d' % n }}",
        "{{ name ~ name }}",
        "{{ n // 0 }}",
        "{{ name[1:2] }}",
        "{{ {'a': 1} }}",
        "{{ name | attr('upper') }}",
        "{{ name | format }}",
        "{{ name | replace('a', name) }}",
        "{{ name | map('upper') }}",
        "{{ name | counted }}",
        "{{ name | upper(*xs) }}",
        "{{ name is callable }}",
        "{{ name is sameas name }}",
        "{% if %}",
        "{{ name",
        "{% endfor %}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "9" * 5_000 + " }}",
        "{% for a in xs %}" * 4 + "{% endfor %}" * 4,
        "x" * (MAX_SOURCE_CHARS + 1),
    ],
)
def test_what_no_template_may_have(source):
    with pytest.raises(PromptInvalid):
        Compiled(source, {"name", "n", "xs"}, where="t")


def test_an_error_names_the_place():
    with pytest.raises(PromptInvalid, match=r"template greet \(user 1\) .* 'nam' .*line 2"):
        Compiled("Hi\n{{ nam }}", {"name"}, where="greet (user 1)")


def test_output_is_bounded():
    assert rendered("{{ x }}{{ x }}", Limits(max_chars=10), x="a" * 5) == "a" * 10
    with pytest.raises(PromptInvalid, match="more than 9 characters"):
        rendered("{{ x }}{{ x }}", Limits(max_chars=9), x="a" * 5)


def test_iterations_are_bounded_though_nothing_is_written():
    loops = "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}"
    with pytest.raises(PromptInvalid, match="more than 50000 steps"):
        rendered(loops, x=list(range(1_000)))
    assert rendered(loops, x=list(range(30))) == ""


def test_a_loop_counts_for_what_is_in_it():
    many = "{% for a in x %}" + "{% if t in u %}{% endif %}" * 100 + "{% endfor %}"
    with pytest.raises(PromptInvalid, match="steps"):
        rendered(many, x=[0] * 200, t="b", u="a" * 1_000)
    assert rendered(many, x=[0] * 20, t="b", u="a") == ""


@pytest.mark.parametrize(
    "condition",
    ["(y | tojson) == ''", "(t | upper) == ''", "(y | join(t)) == ''", "(t | indent(40)) == ''"],
)
def test_filters_on_long_values_are_bounded(condition):
    source = f"{{% for a in x %}}{{% if {condition} %}}{{% endif %}}{{% endfor %}}"
    with pytest.raises(PromptInvalid, match="steps"):
        rendered(source, x=[0] * 5_000, y=["a"] * 5_000, t="a\n" * 5_000)


@given(st.sampled_from(NAMES), st.text(max_size=20))
def test_filters_of_texts_raise_nothing_but_what_is_said(name, text):
    try:
        assert isinstance(rendered(f"{{{{ x | {name} | tojson }}}}", x=text), str)
    except PromptInvalid:
        assert name in {"items", "join", "first_chars"}


@given(st.text(max_size=60))
def test_data_is_never_read_as_a_template(text):
    assert rendered("<{{ x }}>", x=text) == f"<{text}>"


@given(st.text(st.sampled_from("{}%#|.()[]'\" \nabfornix_=+-*0123456789"), max_size=50))
def test_any_text_is_a_template_or_is_refused(source):
    with suppress(PromptInvalid):
        compiled = Compiled(source, {"x", "a"}, where="t")
        text = compiled.render({"x": ["a", {"b": 1}], "a": "b"}, Meter(Limits()))
        assert type(text) is str
