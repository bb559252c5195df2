"""Searches that need nothing installed, against their suite."""

from collections import defaultdict

import pytest

from seatrial.testing.memory_searcher import MemorySearcher, Study
from seatrial.testing.searcher_suite import OpenSearcher, SearcherSuite


class TestMemory(SearcherSuite):
    @pytest.fixture
    def opened(self) -> OpenSearcher:
        studies: dict[str, Study] = defaultdict(Study)
        return lambda plan: MemorySearcher(plan, studies[plan.name])
