"""The text of pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.documents.html import HtmlLoader
from seatrial.adapters.documents.html_text import html_text
from seatrial.rag.loading.loader import About

NAMES = "p h1 h3 ul li table tr td div span br pre script nav title img b a"
TAGS = st.sampled_from(NAMES.split())
PAGES = st.lists(
    st.one_of(
        TAGS.map("<{}>".format),
        TAGS.map("</{}>".format),
        st.text("ab &;\n\t<>\"'=中", max_size=8),
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a &lt;b&gt; &amp;amp; &#x6d77;&eacute;", "a <b> &amp; 海é"),
        ("a<p>b</p>c", "a\n\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a <b> b</b><i>c </i> d", "a bc d"),
        ("<p>a<br>b<br/><br>c", "a\nb\nc"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>d", "- a\n\n- b\n- c\n\nd"),
        ("<table><tr><td>a<td><p>b</p><p>c</p><td>d</table>", "a | b\n\nc | d"),
        ("<table><tr><td><td>b</table>", "| b"),
        ("<pre>  a\n\tb  \n</pre>c", "  a\n\tb  \n\nc"),
        ("<p>a</p><hr><p>b", "a\n\nb"),
        ("a<script>x</script><style>y</style><noscript>z</noscript>b", "ab"),
        ("a<template>x</template><svg><text>y</text></svg><iframe>z</iframe>b", "ab"),
        ("<nav>x</nav><div role=navigation>y</div><p hidden>z</p>a", "a"),
        ('<p style="color:red; display : NONE">x</p><p aria-hidden=true>y</p>a', "a"),
        ("<!-- x -->a<!-- y", "a"),
        ("a<button>x</button><select><option>y</select><textarea>z</textarea>b", "ab"),
        ("<img alt='A ship'><img alt='  '><img>", "A ship"),
        ("<p>a</body></html>b", "ab"),
    ],
)
def test_a_page_is_read_as_a_person_reads_it(page, text):
    assert html_text(page).text.strip(" ") == text.strip(" ")


@given(PAGES)
def test_any_page_has_a_text_whose_headings_stand_where_they_say(page):
    found = html_text(page)
    for section in found.sections:
        assert " ".join(found.text[section.start :].split()).startswith(section.title)
    starts = [section.start for section in found.sections]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("<meta charset=gb2312><p>海试".encode("gb18030"), "gb18030"),
        (
            b"<meta http-equiv=content-type content='text/html; charset=ISO-8859-1'>\x93x\x94",
            "cp1252",
        ),
        ("<meta charset=shift_jis>試運転".encode("shift_jis"), "cp932"),
        ("\ufeff<meta charset=latin-1>é".encode(), None),
        ("<meta charset=latin-1>海试".encode("utf-16"), "utf-16-le"),
        ("<meta charset=nonsense>é海".encode(), None),
        ("<meta charset=big5>é海ñ".encode(), None),
    ],
)
def test_the_encoding_is_the_one_it_names_where_the_bytes_agree(content, encoding):
    [parsed] = HtmlLoader().load(content, About(name="a.html"))
    assert parsed.metadata.get("encoding") == encoding


def test_language_and_times_are_those_of_the_page():
    page = (
        b"<html lang=zh-Hans><meta name=Keywords content='a, b'><meta name=date content=2030-01-05>"
    )
    [parsed] = HtmlLoader().load(page + b"<h2>H2<h1>H1", About(name="a.html"))
    assert parsed.language == "zh"
    assert parsed.metadata == {"tags": ("a", "b"), "created": "2030-01-05T00:00:00Z"}
    assert parsed.title == "H1"
