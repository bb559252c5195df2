"""How alike an embedder finds texts that have nothing to do with each other.

Cosines of some embedders lie between 0 and 1, those of others between 0.7 and 0.9, whatever the
texts. Only what is above the cosine of unrelated texts says anything, and only as a share of the
way from there to 1 is it comparable between embedders and with BM25.
"""

from __future__ import annotations

import numpy as np

from seatrial.rag.embedding.embedder import Embedder

_ENGLISH = (
    "The recipe needs two eggs and a cup of flour.",
    "Interest rates rose again after the meeting of the central bank.",
    "The river floods the valley every spring.",
    "Press the red button to restart the printer.",
    "She was elected mayor in 1987.",
    "Enzymes in the liver break down alcohol.",
    "The violin concerto has three movements.",
    "Tenants must give notice in writing.",
)
_CHINESE = (
    "这道菜需要两个鸡蛋和一杯面粉。",
    "央行会议之后利率再次上调。",
    "这条河每年春天都会淹没山谷。",
    "按红色按钮可以重新启动打印机。",
    "她于1987年当选市长。",
    "肝脏中的酶能分解酒精。",
    "这首小提琴协奏曲有三个乐章。",
    "租客须以书面形式通知房东。",
)
_TOLD_APART = 8.0
"""So many standard deviations must lie between the cosine of unrelated texts and 1. Measured: 17
and 11 for embedders in languages that they know, 5 for one in Chinese, which it does not."""


class Baseline:
    """Of one embedder, measured when it is first asked for. Threads may measure it twice."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[bool, float] = {}

    def cosine(self, language: str | None) -> float:
        """The mean cosine of questions with texts on other subjects, in [0, 1).

        0, which takes cosines as they are, where it is below that, and where cosines scatter so
        much that the embedder hardly tells texts of the language apart.

        Args:
            language: that of the questions, ISO 639-1; measured for Chinese, and for English in
                place of every other.
        Raises: what the embedder raises.
        """
        chinese = language == "zh"
        if chinese not in self._known:
            texts = _CHINESE if chinese else _ENGLISH
            cosines = self._embedder.embed_queries(texts) @ self._embedder.embed_documents(texts).T
            others = cosines[~np.eye(len(texts), dtype=bool)].astype(np.float64)
            mean, spread = float(others.mean()), float(others.std())
            told_apart = 1 - mean >= max(_TOLD_APART * spread, 1e-3)
            self._known[chinese] = max(mean, 0.0) if told_apart else 0.0
        return self._known[chinese]
