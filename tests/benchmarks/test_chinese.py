"""English terms of the benchmark in Chinese."""

from __future__ import annotations

import re

from benchmarks.serving.chinese import machine, term
from benchmarks.serving.peers import every
from benchmarks.serving.scenario import SCENARIOS


def test_every_server_and_load_of_the_benchmark_has_a_chinese_name() -> None:
    for text in [*(s.short for s in SCENARIOS), *(p.title for p in every({}))]:
        said = term(text)
        assert not re.search(r"[(),]", said.replace("1,024", "")), said
        assert not re.search(r"\b(row|rows|binary|forest|bare|custom|backend)\b", said), said


def test_a_machine_is_described_in_chinese() -> None:
    english = "2 cores of AMD EPYC, 24 GB of memory, Linux 6.18, Python 3.11.7"
    assert machine(english) == "2 核 AMD EPYC、24 GB 内存、Linux 6.18、Python 3.11.7"
