"""Every store of answers against the suite that defines one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from seatrial.adapters.llm.answers_redis import RedisAnswers
from seatrial.adapters.llm.answers_sqlite import SqliteAnswers
from seatrial.testing.answers_suite import AnswersSuite, BoundedAnswersSuite
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_answers import MemoryAnswers

CLOCK = FakeClock()


class TestMemoryAnswers(BoundedAnswersSuite):
    async def pass_time(self, seconds: float) -> None:
        CLOCK.advance(seconds)

    @pytest.fixture
    def answers(self) -> MemoryAnswers:
        return MemoryAnswers(CLOCK.monotonic, max_entries=50, max_bytes=6000)


class TestSqliteAnswers(BoundedAnswersSuite):
    async def pass_time(self, seconds: float) -> None:
        CLOCK.advance(seconds)

    @pytest.fixture
    async def answers(self, tmp_path: Path) -> AsyncIterator[SqliteAnswers]:
        answers = SqliteAnswers(
            tmp_path / "answers.db",
            max_entries=50,
            max_bytes=6000,
            gather_s=0.01,
            wall=CLOCK.monotonic,
        )
        yield answers
        await answers.close()


@pytest.mark.integration
class TestRedisAnswers(AnswersSuite):
    @pytest.fixture
    async def answers(self, redis_server: Any) -> AsyncIterator[RedisAnswers]:
        answers = RedisAnswers(redis_server.url, prefix=f"{uuid4()}:")
        yield answers
        await answers.close()
