"""Getting ready to count."""

from __future__ import annotations

import threading

from seatrial.adapters.llm.tokens_toktok import ToktokEncoder
from seatrial.gateway.policies.loaded import loaded
from seatrial.gateway.tokens.counters import Counters
from seatrial.testing.billing_provider import WordCounter


class Slow(WordCounter):
    """Loads once, and remembers where."""

    def __init__(self):
        self.ready = False
        self.threads = []

    def load(self):
        self.threads.append(threading.current_thread())
        self.ready = True


async def test_a_vocabulary_is_loaded_once_beside_the_event_loop():
    counter = Slow()
    await loaded(counter)
    await loaded(counter)
    assert len(counter.threads) == 1
    assert counter.threads[0] is not threading.main_thread()


async def test_exact_counters_are_not_ready_until_they_are_loaded():
    counter = Counters(ToktokEncoder).of("openai", "gpt-4o")
    assert not counter.ready
    await loaded(counter)
    assert counter.ready
    assert counter.text("hello world") == 2


def test_estimates_are_always_ready():
    assert Counters(ToktokEncoder).of("anthropic", "claude-3-haiku-20240307").ready
