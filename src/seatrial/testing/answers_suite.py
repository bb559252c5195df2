"""What every store of answers must do; see `gateway.policies.answers.Answers`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from seatrial.gateway.policies.answers import Answers
from seatrial.gateway.policies.asked_before import Asked, packed, read, written

_TTL_S = 1000.0


class AnswersSuite:
    """Subclass it as ``Test...`` with a fixture ``answers``: an empty store."""

    async def pass_time(self, seconds: float) -> None:
        """Let time pass on the store's clock; override it when the clock is a fake."""
        await asyncio.sleep(seconds)

    async def test_what_was_put_is_got(self, answers: Answers) -> None:
        """Byte for byte, with the time it has left; nothing under any other key."""
        value = bytes(range(256)) * 20
        await answers.put("a" * 64, value, ttl_s=_TTL_S)
        held = await answers.get("a" * 64)
        assert held is not None
        assert held.value == value
        assert _TTL_S - 60 < held.left_s <= _TTL_S
        assert await answers.get("b" * 64) is None

    async def test_an_empty_value_is_a_value(self, answers: Answers) -> None:
        """Not the same as nothing."""
        await answers.put("a", b"", ttl_s=_TTL_S)
        held = await answers.get("a")
        assert held is not None
        assert held.value == b""

    async def test_the_last_value_counts_with_its_own_time(self, answers: Answers) -> None:
        """Putting again replaces both."""
        await answers.put("a", b"one", ttl_s=10 * _TTL_S)
        await answers.put("a", b"two", ttl_s=_TTL_S)
        held = await answers.get("a")
        assert held is not None
        assert held.value == b"two"
        assert held.left_s <= _TTL_S

    async def test_what_expired_is_not_there(self, answers: Answers) -> None:
        """And can be put again."""
        await answers.put("a", b"short", ttl_s=0.05)
        await answers.put("b", b"long", ttl_s=_TTL_S)
        await self.pass_time(0.1)
        assert await answers.get("a") is None
        assert await answers.get("b") is not None
        await answers.put("a", b"again", ttl_s=_TTL_S)
        held = await answers.get("a")
        assert held is not None
        assert held.value == b"again"

    async def test_what_was_deleted_is_not_there(self, answers: Answers) -> None:
        """Deleting what is not there does nothing."""
        await answers.put("a", b"value", ttl_s=_TTL_S)
        await answers.delete("a")
        await answers.delete("a")
        assert await answers.get("a") is None

    async def test_questions_are_kept_beside_answers(self, answers: Answers) -> None:
        """A question in other words finds the answer that was given."""
        vector = packed([3.0, 4.0])
        asked = [Asked("k", "k", 9.5, "What?", vector), Asked("l", "k", 9.5, "\U0001f600", vector)]
        await answers.put("k" * 64, b"an answer", ttl_s=_TTL_S)
        await answers.put("q" * 64, written("q" * 64, asked), ttl_s=_TTL_S)
        held = await answers.get("q" * 64)
        assert held is not None
        assert read("q" * 64, held.value) == asked

    async def test_many_at_once_do_not_mix(self, answers: Answers) -> None:
        """Each gets its own."""
        keys = [f"key {number}" for number in range(40)]
        await asyncio.gather(*(answers.put(k, k.encode(), ttl_s=_TTL_S) for k in keys))
        held = await asyncio.gather(*(answers.get(k) for k in keys))
        assert [one.value.decode() for one in held if one is not None] == keys


class BoundedAnswersSuite(AnswersSuite):
    """For stores with bounds of their own: ``answers`` takes 50 entries of 6000 bytes together."""

    async def test_the_oldest_goes_when_there_are_too_many(self, answers: Answers) -> None:
        """By when it was put last; reading it does not make it younger."""
        keys = [str(number) for number in range(52)]
        for key in [*keys[:50], "0"]:
            await answers.put(key, b"x", ttl_s=_TTL_S)
        await answers.get("1")
        for key in keys[50:]:
            await answers.put(key, b"x", ttl_s=_TTL_S)
        assert await self._kept(answers, keys) == [key for key in keys if key not in {"1", "2"}]

    async def test_the_oldest_go_when_they_are_too_large(self, answers: Answers) -> None:
        """As many as need be; one put again counts once."""
        for key in "abc":
            await answers.put(key, b"x" * 1800, ttl_s=_TTL_S)
        await answers.put("c", b"x" * 2400, ttl_s=_TTL_S)
        assert await self._kept(answers, "abc") == ["a", "b", "c"]
        await answers.put("d", b"x" * 3000, ttl_s=_TTL_S)
        assert await self._kept(answers, "abcd") == ["c", "d"]

    async def test_what_is_larger_than_all_the_room_is_not_taken(self, answers: Answers) -> None:
        """And puts out nothing but what it was to replace."""
        await answers.put("a", b"x", ttl_s=_TTL_S)
        await answers.put("b", b"x", ttl_s=_TTL_S)
        await answers.put("b", b"x" * 6001, ttl_s=_TTL_S)
        assert await self._kept(answers, "ab") == ["a"]

    async def test_what_was_deleted_makes_room(self, answers: Answers) -> None:
        """Its bytes and its place."""
        await answers.put("a", b"x" * 5000, ttl_s=_TTL_S)
        await answers.put("b", b"x" * 1000, ttl_s=_TTL_S)
        await answers.delete("b")
        await answers.put("c", b"x" * 1000, ttl_s=_TTL_S)
        assert await self._kept(answers, "abc") == ["a", "c"]

    async def _kept(self, answers: Answers, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if await answers.get(key) is not None]
