"""What is said where there is no answer, in the question's language."""

from __future__ import annotations

from seatrial.rag.answering.answerer import Answered
from seatrial.rag.answering.reply import AnswerSentence, Refusal
from seatrial.rag.text.language import language_of

_TEXTS = {
    "en": {
        Refusal.NOTHING_FOUND: "Nothing about this was found in the documents.",
        Refusal.NOT_ANSWERED: "The documents that were found do not answer this question.",
        Refusal.NOT_SUPPORTED: "The documents that were found do not support any answer to this "
        "question.",
    },
    "zh": {
        Refusal.NOTHING_FOUND: "文档中没有找到与此有关的内容。",
        Refusal.NOT_ANSWERED: "找到的文档没有回答这个问题。",
        Refusal.NOT_SUPPORTED: "找到的文档不足以支持对这个问题的任何回答。",
    },
    "ja": {
        Refusal.NOTHING_FOUND: "文書の中に該当する内容は見つかりませんでした。",
        Refusal.NOT_ANSWERED: "見つかった文書はこの質問に答えていません。",
        Refusal.NOT_SUPPORTED: "見つかった文書からは、この質問への回答を裏付けられません。",
    },
    "de": {
        Refusal.NOTHING_FOUND: "In den Dokumenten wurde dazu nichts gefunden.",
        Refusal.NOT_ANSWERED: "Die gefundenen Dokumente beantworten diese Frage nicht.",
        Refusal.NOT_SUPPORTED: "Die gefundenen Dokumente belegen keine Antwort auf diese Frage.",
    },
    "fr": {
        Refusal.NOTHING_FOUND: "Les documents ne contiennent rien à ce sujet.",
        Refusal.NOT_ANSWERED: "Les documents trouvés ne répondent pas à cette question.",
        Refusal.NOT_SUPPORTED: "Les documents trouvés n'appuient aucune réponse à cette question.",
    },
    "es": {
        Refusal.NOTHING_FOUND: "En los documentos no se encontró nada al respecto.",
        Refusal.NOT_ANSWERED: "Los documentos encontrados no responden a esta pregunta.",
        Refusal.NOT_SUPPORTED: "Los documentos encontrados no respaldan ninguna respuesta a esta "
        "pregunta.",
    },
}


def refusal_text(question: str, refusal: Refusal) -> str:
    """The refusal in the question's language; in English where there are no words for it."""
    return _TEXTS.get(language_of(question) or "en", _TEXTS["en"])[refusal]


def refused(question: str, refusal: Refusal, withheld: tuple[AnswerSentence, ...] = ()) -> Answered:
    """A refusal, with the sentences that were withheld."""
    return Answered(
        text=refusal_text(question, refusal), refusal=refusal, sentences=withheld, citations=()
    )
