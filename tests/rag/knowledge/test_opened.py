"""The live version is followed without a request that waits for it twice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from seatrial.kernel.errors import NotFound
from seatrial.rag.knowledge.opened import Versions


class Shelf:
    def __init__(self) -> None:
        self.live = 1
        self.opened: list[int] = []
        self.n_looks = 0
        self.now = 0.0
        self.executor = ThreadPoolExecutor(2)
        self.versions = Versions(self.look, self.open, executor=self.executor, now=lambda: self.now)

    def look(self) -> int:
        self.n_looks += 1
        if self.live == 0:
            raise NotFound("There is no version.", remedy="Build one.")
        return self.live

    def open(self, version: int) -> str:
        if version > 90:
            raise NotFound(f"There is no version {version}.", remedy="Name another.")
        self.opened.append(version)
        return f"v{version}"

    async def settle(self) -> str:
        """What is answered once a look that began has ended."""
        await self.versions.get()
        while (looking := self.versions._looking) is not None and not looking.done():
            await asyncio.sleep(0)
        return await self.versions.get()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_many_at_once_open_a_version_once(shelf: Shelf) -> None:
    assert set(await asyncio.gather(*(shelf.versions.get() for _ in range(20)))) == {"v1"}
    assert (shelf.opened, shelf.n_looks) == ([1], 1)


async def test_a_new_live_version_is_followed_and_the_old_one_answers_meanwhile(
    shelf: Shelf,
) -> None:
    await shelf.versions.get()
    shelf.live = 2
    assert await shelf.versions.get() == "v1"
    assert shelf.n_looks == 1
    shelf.now += 0.6
    assert await shelf.versions.get() == "v1"
    assert await shelf.settle() == "v2"
    shelf.live = 1  # rolled back
    shelf.now += 0.6
    assert await shelf.settle() == "v1"
    assert shelf.opened == [1, 2]


async def test_who_asks_after_a_quiet_second_gets_what_is_live_then(shelf: Shelf) -> None:
    """Once, the first question after a rollback was answered by the version that was left."""
    await shelf.versions.get()
    for live, age_s in ((2, 1.1), (1, 3600)):
        shelf.live = live
        shelf.now += age_s
        assert await shelf.versions.get() == f"v{live}"


async def test_questions_after_a_quiet_time_share_one_look(shelf: Shelf) -> None:
    await shelf.versions.get()
    shelf.live = 2
    shelf.now += 3600
    assert set(await asyncio.gather(*(shelf.versions.get() for _ in range(5)))) == {"v2"}
    assert shelf.n_looks == 2
    shelf.live = 0
    shelf.now += 3600
    assert await shelf.versions.get() == "v2"  # nobody says what is live: what is open answers


async def test_what_was_changed_here_answers_the_next_question(shelf: Shelf) -> None:
    await shelf.versions.get()
    shelf.live = 2
    shelf.versions.changed()
    assert await shelf.versions.get() == "v2"
    assert await shelf.versions.get() == "v2"
    assert shelf.n_looks == 2


async def test_a_look_that_began_before_the_change_is_not_trusted(shelf: Shelf) -> None:
    await shelf.versions.get()
    shelf.now += 0.6
    await shelf.versions.get()  # begins a look
    while shelf.n_looks < 2:
        await asyncio.sleep(0)
    shelf.live = 2
    shelf.versions.changed()
    answers = await asyncio.gather(*(shelf.versions.get() for _ in range(5)))
    assert set(answers) == {"v2"}


async def test_a_store_that_does_not_answer_keeps_what_is_open(shelf: Shelf) -> None:
    await shelf.versions.get()
    shelf.live = 0
    shelf.now += 1.1
    assert await shelf.settle() == "v1"


async def test_an_error_is_told_and_tried_again(shelf: Shelf) -> None:
    shelf.live = 0
    for _ in range(2):
        with pytest.raises(NotFound):
            await shelf.versions.get()
        shelf.now += 1.1
    shelf.live = 3
    assert await shelf.versions.get() == "v3"
    with pytest.raises(NotFound, match="version 99"):
        await shelf.versions.get(99)


async def test_named_versions_are_kept_but_not_all_of_them(shelf: Shelf) -> None:
    await shelf.versions.get()
    for version in range(2, 9):
        assert await shelf.versions.get(version) == f"v{version}"
    assert await shelf.versions.get() == "v1"
    assert shelf.opened.count(1) == 1
    await shelf.versions.get(2)
    assert shelf.opened.count(2) == 2


async def test_who_leaves_does_not_end_the_opening_for_others(shelf: Shelf) -> None:
    impatient = asyncio.ensure_future(shelf.versions.get())
    patient = asyncio.ensure_future(shelf.versions.get())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "v1"
