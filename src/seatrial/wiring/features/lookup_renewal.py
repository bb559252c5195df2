"""Lookups that follow their repository: what is applied is served a second later, by all workers.

Requests under way end by the lookup they began with. What models would miss an input by is not
served: such a plan is refused and counted, and the one before goes on until the server starts anew.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final, TypeAlias

from seatrial.adapters.features.feast_repository import SETTINGS, open_folder
from seatrial.features.lookup import Lookups
from seatrial.features.plan import plan_of, taken_away
from seatrial.features.snapshot import FILE
from seatrial.kernel.errors import SeatrialError
from seatrial.wiring.features.lookup_opener import Opener, Source, source_of

_log = logging.getLogger(__name__)

EVERY_S: Final = 1.0

Mark: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""How the files of a repository look from outside; another one when they were written again."""


def mark_of(folder: Path) -> Mark:
    """The mark of the settings and of what is registered."""
    return tuple(_looks(folder / name) for name in (SETTINGS, FILE))


def _looks(file: Path) -> tuple[int, int, int] | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino


class Renewal:
    """Looks after the lookups of a worker; everything but the reading of files on its event loop.

    Args:
        folder: of the repository.
        opener: makes lookups.
        lookups: kept up to date.
        source: what they were made of.
        mark: of the folder before that was read.
    """

    def __init__(
        self, folder: Path, opener: Opener, lookups: Lookups, source: Source, *, mark: Mark
    ) -> None:
        self._folder = folder
        self._opener = opener
        self._lookups = lookups
        self._source = source
        self._plans = opener.plans(source.repository)
        self._mark = mark

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.turn()
            except Exception:  # noqa: BLE001 - the border of a step: the next one looks again
                _log.exception("features go on as they are")

    async def turn(self) -> None:
        """Serve what is registered now, if it changed."""
        mark = await asyncio.to_thread(mark_of, self._folder)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            source = await asyncio.to_thread(lambda: source_of(open_folder(self._folder)))
        except SeatrialError as problem:
            for endpoint in self._plans:
                self._refuse(endpoint, problem.problem)
            return
        elsewhere = source.online != self._source.online
        self._source = source
        for endpoint in self._plans:
            await self._renew(endpoint, elsewhere)

    async def _renew(self, endpoint: str, elsewhere: bool) -> None:  # noqa: FBT001 - one of two
        before = self._plans[endpoint]
        try:
            plan = plan_of(self._opener.config.endpoints[endpoint], self._source.repository)
            if plan == before and not elsewhere:
                self._opener.tally.expect(endpoint, plan)
                return
            if gone := taken_away(before, plan):
                self._refuse(endpoint, f"{', '.join(gone)} would not be filled any more.")
                return
            lookup = self._opener.lookup(endpoint, plan, self._source)
        except SeatrialError as problem:
            self._refuse(endpoint, problem.problem)
            return
        self._plans[endpoint] = plan
        await self._lookups.swap(endpoint, lookup)
        _log.info("%s looks features up as they were applied", endpoint)

    def _refuse(self, endpoint: str, why: str) -> None:
        self._opener.tally.refuse(endpoint, why)
        _log.warning("features of %s go on as they were: %s", endpoint, why)
