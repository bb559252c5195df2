"""Passages that speak to the model that reads them, instead of to people.

Such text is data like any other, and whoever reads it must not follow it; here it is found so that
it supports nothing either: a model that did as it was told would cite it.
"""

from __future__ import annotations

import re

from seatrial.rag.groundedness.terms import plain
from seatrial.rag.text.document import Span
from seatrial.rag.text.sentences import sentences

_BEFORE = (
    r"(?:all |any |the |every |your |these |my |of |other )*"
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|system|initial|other)"
)
_SPEAKS_TO_MODEL = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass|discard|do not follow|don't follow) "
    rf"{_BEFORE}? ?(?:of )?(?:the )?(?:instructions?|prompts?|rules|guidelines|context|directions"
    r"|text|passages?|messages?|safety)"
    r"|\b(?:ignore|disregard|forget) (?:everything|all) (?:above|before|that|you)"
    r"|\b(?:new|updated|real|actual|hidden|secret|important|urgent) (?:system )?instructions?\b"
    r".{0,12}[:：]"
    r"|\bsystem (?:prompt|message|override|note)\b"
    r"|\b(?:you are|you're|act as|behave as|pretend to be) (?:now |no longer )"
    r"(?:an? )?(?:\w+ ){0,3}(?:ai|assistant|chatbot|model|bot|bound|in|dan)\b"
    r"|\b(?:as an? |dear |attention,? |hey,? |note to |instructions? (?:to|for) )"
    r"(?:the )?(?:ai|llm|language model|assistant|chatbot|gpt|claude)\b"
    r"|\b(?:ai|llm|assistant|chatbot|language model)s? (?:must|should|shall|will|has to|have to"
    r"|is to)\b.{0,40}\b(?:say|reply|respond|answer|output|print|write|tell|include|recommend"
    r"|ignore|state)|\b(?:reply|respond|answer|output|say|print|write)(?: only)?(?: with)? "
    r"(?:only|exactly|nothing but|the following(?! \w* ?questions?)|this (?:text|sentence))\b"
    r"|\b(?:instead|now),? (?:please )?(?:say|reply|respond|answer|output|print|tell the user)\b"
    r"|\btell the (?:user|reader|person asking)\b"
    r"|\bwhen (?:you are )?asked\b.{0,60}\b(?:say|reply|answer)"
    r"|<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]|<</?SYS>>"
    r"|^\s*(?:system|assistant)\s*[:：]"
    r"|(?:忽略|无视|忘记|忘掉|不要理会|不要遵守|跳过)(?:掉)?(?:你|您)?"
    r"(?:之前|先前|以上|上述|前面|上面|此前|原有|所有|一切|系统)(?:的|所有)*(?:指令|指示|提示|规则|内容|要求|说明|命令|文字|对话)"
    r"|(?:系统|隐藏|新的?|真正的?|最新)(?:提示词?|指令|指示)\s*[:：]|系统提示词?"
    r"|(?:你|您)(?:现在|从现在起|将)(?:开始)?(?:是|扮演|充当|成为|不再)"
    r"|(?:请|务必|必须|只需|只能|改为|直接)(?:直接|只)?(?:回答|回复|输出|说|告诉用户|答复)(?:以下|下面|下列|：|:|“|「|\")"
    r"|(?:告诉|通知)(?:用户|提问者|读者)|(?:人工智能|AI|语言模型|助手|大模型)(?:必须|应当|应该|务必|请)",
    re.IGNORECASE | re.MULTILINE,
)
_PARAGRAPH_END = re.compile(r"\n\s*\n")


def instructions(text: str) -> list[Span]:
    """Where a text speaks to a model: from such a sentence to the end of its paragraph, since what
    follows it is what it wants said. In order; they do not overlap."""
    level = plain(text)
    found: list[Span] = []
    starts = iter(sentences(text))
    sentence = next(starts, None)
    for match in _SPEAKS_TO_MODEL.finditer(level):
        if found and match.start() < found[-1].end:
            continue
        while sentence is not None and sentence.end <= match.start():
            sentence = next(starts, None)
        start = sentence.start if sentence is not None else match.start()
        end = _PARAGRAPH_END.search(level, match.end())
        found.append(Span(min(start, match.start()), end.start() if end else len(text)))
    return found


def without_instructions(text: str) -> str:
    """The text with spaces in place of what speaks to a model; all else keeps its place."""
    for start, end in instructions(text):
        text = text[:start] + " " * (end - start) + text[end:]
    return text
