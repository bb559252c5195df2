"""Which sentences claim nothing that passages could support: greetings, headings, questions."""

from __future__ import annotations

import re

from seatrial.rag.groundedness.names import names
from seatrial.rag.groundedness.numbers import dates, numbers
from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.terms import plain, terms

_MAX_TERMS = 16
_SAYS_SOMETHING = 0.45
# Anchored at both ends: a phrase that a claim follows or precedes is judged as a claim.
_PHRASE = re.compile(
    r"(?:hi|hello|hey|dear (?:user|reader)|good (?:morning|afternoon|evening|day)|greetings"
    r"|welcome|great|gladly|happy to help|you're welcome"
    r"|thank(?:s| you)(?: (?:very|so) much| for (?:asking|(?:your|the) question|your patience))?"
    r"|here(?:'s| is| are|'re) (?:what i (?:found|know)|the (?:answer|summary|details|results?"
    r"|information)|a (?:short |brief )?(?:answer|summary|overview))"
    r"(?: (?:to your question|from the (?:passages|sources|documents)))?"
    r"|(?:based on|according to) the (?:provided |given |retrieved |above )?"
    r"(?:passages?|sources?|documents?|context|information)"
    r"(?: (?:above|below|provided|given))?"
    r"|in (?:summary|short|conclusion|brief)|to (?:sum up|summari[sz]e)|overall|note|answer"
    r"|sources?|references|conclusion|(?:i )?hope (?:this|that) helps|good luck|best regards"
    r"|goodbye|bye|(?:please )?(?:let me know|feel free to ask)(?: (?:if (?:you (?:have|need) "
    r"(?:any |anything )?(?:more |other |further )?(?:questions?|else|help|information|details)"
    r"|there is anything else)|anything else))?"
    r"|i (?:do not|don't|cannot|can't) (?:know|say|tell|answer(?: (?:that|this)(?: question)?)?)"
    r"|(?:i'm |i am )?sorry"
    r"|the (?:passages?|sources?|documents?|context) (?:do(?:es)? not|don't|doesn't) (?:say|answer"
    r"(?: (?:the|this|that|your) question)?|contain (?:the|this|that|an) (?:answer|information))"
    r"|你好|您好|大家好|早上好|下午好|晚上好|谢谢(?:你|您)?(?:的(?:提问|问题))?"
    r"|(?:以下|下面)(?:就)?是(?:我(?:找到|查到)的)?(?:答案|回答|内容|信息|总结|摘要|结果|资料|相关内容)?"
    r"|(?:根据|依据|基于)(?:上述|以上|所给|所提供的?|提供的?|给定的?)?"
    r"(?:资料|文档|段落|内容|信息|来源|上下文)(?:显示|所述)?"
    r"|总(?:之|而言之|的来说)|综上(?:所述)?|简而言之|总结|结论|答案?|注意?|参考(?:资料|文献)?|来源"
    r"|希望(?:这些|以上(?:内容|信息)?|这)?(?:能)?对(?:你|您)有(?:所)?帮助"
    r"|如有(?:其他|任何)?(?:问题|疑问)(?:请|欢迎)?(?:随时)?(?:告诉我|提问|联系我)?|再见"
    r"|(?:很)?抱歉|对不起|我?不(?:知道|清楚|确定)|无法回答(?:这个|该|此)?(?:问题)?"
    r"|(?:资料|文档|段落|上下文)(?:中)?(?:没有|未)(?:提及|提到|说明|回答)(?:这个|该|此)?(?:问题)?)",
    re.IGNORECASE,
)
# An answer to some questions, and so a claim where it stands alone.
_ASSENT = re.compile(
    r"sure|certainly|of course|absolutely|okay|ok|yes|no|好的?|当然(?:可以)?|没问题|是的?|不是",
    re.IGNORECASE,
)
_ENDS = " \t\n,，.。!！…:：~*_#—-"
_HEADING = re.compile(r"#{1,6}\s|\*\*[^*]{1,80}\*\*:?$|[^\n]{1,80}[:：]$")


def claims_nothing(sentence: str, known: frozenset[str] | set[str]) -> bool:
    """Whether a sentence says nothing that could be true or false of the world.

    Phrases of courtesy, and headings and questions that bring up nothing new: no number, no name,
    no term that is not among the `known` ones, and so no place to hide a claim.

    Args: known: the terms of question and passages.
    """
    text = plain(sentence).strip()
    if not any(char.isalnum() for char in text):
        return True
    if len(text) > 400:
        return False
    parts = [part for part in _parts(text) if not _ASSENT.fullmatch(part)]
    if parts and all(_PHRASE.fullmatch(part) for part in parts):
        return True
    if not (text.endswith(("?", "？")) or _HEADING.match(text)):
        return False
    found = terms(text)
    return (
        len(found) <= _MAX_TERMS
        and all(term.text in known or rarity(term.text) < _SAYS_SOMETHING for term in found)
        and not (numbers(text) or dates(text))
        and all(term.text in known for name in names(text) for term in terms(name.text))
    )


def _parts(text: str) -> list[str]:
    """A text at its commas and full stops: "Hello, here is the answer:" is two phrases."""
    parts = (part.strip(_ENDS) for part in re.split(r"[,，.。!！;；:：]+", text))
    return [part for part in parts if part]
