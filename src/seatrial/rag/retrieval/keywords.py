"""The words of a question that a text which answers it would hold.

"What was the name of ..." is matched by texts that ask, not by those that answer. Words that only
ask, and words that are in every text, are closed classes of a language; they are cut from what is
searched lexically and left in what is embedded.
"""

from __future__ import annotations

import re

# The function words of Lucene's EnglishAnalyzer, and the interrogatives and auxiliaries that make
# questions in English.
_ENGLISH = re.compile(
    """a|an|and|are|as|at|be|but|by|for|if|in|into|is|it|no|not|of|on|or|such|that|the|their|then
    |there|these|they|this|to|was|will|with
    |what|which|who|whom|whose|when|where|why|how|do|does|did|has|have|had|were|been|being|am|can
    |could|would|should|may|might|must|shall|from""",
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")

# The interrogatives of Chinese, and the particles that end questions; the longer before those that
# they begin with. 几 asks only before a measure word (几何 is geometry).
_CHINESE = re.compile(
    "请问|什么|甚么|哪些|哪个|哪里|哪儿|哪一|哪|谁|多少|如何|怎么样|怎么|怎样|为什么|为何|何时|何处|何地|吗|呢"
    "|請問|什麼|甚麼|哪個|哪裡|誰|怎麼樣|怎麼|怎樣|為什麼|為何|何時|何處|嗎"
    "|[几幾](?=[个個年月日岁歲位次名种種人])"
)


def keywords(question: str, language: str | None) -> str:
    """A question without the words that only ask; all of it where nothing else would be left.

    Args:
        language: ISO 639-1 of the question. Of others than English and Chinese nothing is cut.
    """
    if language == "en":
        kept = _WORD.sub(lambda word: "" if _only_asks(word.group()) else word.group(), question)
    elif language == "zh":
        kept = _CHINESE.sub(" ", question)
    else:
        return question
    return kept if _WORD.search(kept) else question


def _only_asks(word: str) -> bool:
    """Acronyms do not: IT, WHO, US. A whole question in capitals is rare enough."""
    return bool(_ENGLISH.fullmatch(word)) and not (len(word) > 1 and word.isupper())
