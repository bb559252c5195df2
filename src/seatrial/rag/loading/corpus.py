"""Everything that was named, as a stream of documents and of what was skipped."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from seatrial.rag.loading.config import LoadingConfig, SourceConfig
from seatrial.rag.loading.formats import RECORDS, format_of, instead_of, telling_ending
from seatrial.rag.loading.globs import Globs
from seatrial.rag.loading.known import Known
from seatrial.rag.loading.loader import Isolation, Loader, Splitter
from seatrial.rag.loading.outcome import (
    Loaded,
    Reason,
    Skipped,
    Unchanged,
    Unloadable,
    skipped,
)
from seatrial.rag.loading.reading import Treatment
from seatrial.rag.loading.rules import Rules, Said
from seatrial.rag.loading.source import TOLD_FLAWS, Source, unchanged
from seatrial.rag.loading.stamps import Stamps, no_stamps
from seatrial.rag.loading.walk import Choice, Found, walk
from seatrial.rag.text.document import Document

_File: TypeAlias = tuple[str, Found, Treatment]
"""Its name among the sources, where it was found, and how it is read."""

_Begun: TypeAlias = "Source | list[Unchanged] | Skipped | Future[list[Loaded]]"


class Corpus:
    """What a configuration names.

    Args:
        config: what to load.
        folder: where relative paths begin.
        loaders: loaders and splitters by format.
        isolation: where loaders run that must not run in this process.
    """

    def __init__(
        self,
        config: LoadingConfig,
        folder: Path,
        loaders: Mapping[str, Loader | Splitter],
        isolation: Isolation,
    ) -> None:
        self._config = config
        self._folder = folder
        self._loaders = loaders
        self._isolation = isolation

    def sources(self) -> Iterator[Source | Skipped]:
        """The files, in a fixed order, none of them read; and what cannot be one."""
        for item in self._files():
            yield item if isinstance(item, Skipped) else Source(*item, self._isolation)

    def _files(self) -> Iterator[_File | Skipped]:
        for source in self._config.sources:
            treatments = _Treatments(self._config, source, self._loaders)
            choice = Choice(
                include=Globs(source.include),
                exclude=Globs(source.exclude),
                hidden=source.hidden,
                max_files=self._config.limits.files,
            )
            before = f"{source.name}/" if source.name else ""
            for found in walk(self._folder / source.path, choice):
                if isinstance(found, Skipped):
                    yield found
                    continue
                treatment = treatments.of(found.source)
                if treatment is None:
                    yield _unknown(before + found.source)
                else:
                    yield before + found.source, found, treatment

    def load(
        self, known: Mapping[str, str] | None = None, stamps: Stamps | None = None
    ) -> Iterator[Loaded]:
        """Everything, in the order of `sources`, several files at once where parsers run apart.

        Nothing is raised for what is wrong with a source; that comes as `Skipped`.

        Args:
            known: digests by document id; what has an equal one is not parsed, and comes as
                `Unchanged`. Known ids that do not come at all are gone.
            stamps: of files that were read before; where one is as it was it is not read.
        """
        names = Known(known or {})
        seen: set[str] = set()
        doubles = Counter[str]()
        for item in self._loaded(names, stamps or no_stamps()):
            if isinstance(item, Skipped):
                yield item
            elif item.id in seen:
                source = item.source if isinstance(item, Document) else item.id.partition("#")[0]
                doubles[source] += 1
                if doubles[source] <= TOLD_FLAWS:
                    yield _duplicate(source, item.id)
            else:
                seen.add(item.id)
                yield item
        for source, n in doubles.items():
            if n > TOLD_FLAWS:
                yield _more_duplicates(source, n - TOLD_FLAWS)

    def _loaded(self, known: Known, stamps: Stamps) -> Iterator[Loaded]:
        n_ahead = 2 * self._isolation.n_workers
        begun: deque[_Begun] = deque()
        n_running = 0
        with ThreadPoolExecutor(self._isolation.n_workers) as pool:
            try:
                for item in self._files():
                    begin = _begin(item, known, stamps, self._isolation)
                    if isinstance(begin, list) and not begun:
                        yield from begin
                        continue
                    if isinstance(begin, Source) and begin.isolated:
                        begun.append(pool.submit(_all, begin, known, stamps))
                        n_running += 1
                    else:
                        begun.append(begin)
                    while begun and (n_running > n_ahead or _is_ready(begun[0])):
                        n_running -= isinstance(begun[0], Future)
                        yield from _results(begun.popleft(), known, stamps)
                while begun:
                    yield from _results(begun.popleft(), known, stamps)
            finally:
                pool.shutdown(cancel_futures=True)


class _Treatments:
    """How files of one source are read; equal ones share one `Treatment`."""

    def __init__(
        self,
        config: LoadingConfig,
        source: SourceConfig,
        loaders: Mapping[str, Loader | Splitter],
    ) -> None:
        self._config = config
        self._source = source
        self._loaders = loaders
        self._rules = Rules(source, config.access)
        self._known: dict[tuple[str, bool, int], Treatment] = {}
        self._by_ending: dict[tuple[str, int], Treatment | None] = {}

    def of(self, path: str) -> Treatment | None:
        """How a file is read; None where nobody can."""
        said = self._rules.of(path)
        ending = telling_ending(path)
        if ending is None:
            return self._made(path, said)
        key = (ending, id(said))  # `Rules` keeps them, so an id stays one's own
        if key not in self._by_ending:
            self._by_ending[key] = self._made(path, said)
        return self._by_ending[key]

    def _made(self, path: str, said: Said) -> Treatment | None:
        name = path.rpartition("/")[2]
        found = format_of(name, self._config.formats, self._source.format)
        if found is None:
            return None
        name = found.name
        if self._source.fields is not None:
            name = RECORDS.get(name, name)
        key = (name, found.packed, id(said))
        if key not in self._known:
            self._known[key] = Treatment(
                format_=name,
                packed=found.packed,
                loaders=self._loaders,
                source=self._source,
                limits=self._config.limits,
                rules=self._rules,
                said=said,
            )
        return self._known[key]


def _begin(
    item: _File | Skipped, known: Known, stamps: Stamps, isolation: Isolation
) -> Source | list[Unchanged] | Skipped:
    """What is to be loaded of a file, or its documents where it need not be read."""
    if isinstance(item, Skipped):
        return item
    found = unchanged(*item, known, stamps)
    return Source(*item, isolation) if found is None else found


def _all(source: Source, known: Known, stamps: Stamps) -> list[Loaded]:
    return list(source.load(known, stamps))


def _is_ready(begun: _Begun) -> bool:
    return not isinstance(begun, Future) or begun.done()


def _results(begun: _Begun, known: Known, stamps: Stamps) -> Iterable[Loaded]:
    match begun:
        case Future():
            return begun.result()
        case Source():
            return begun.load(known, stamps)
        case Skipped():
            return [begun]
        case list():
            return begun


def _unknown(name: str) -> Skipped:
    error = Unloadable("has no known format.", remedy=instead_of(name), reason=Reason.UNSUPPORTED)
    return skipped(name, error)


def _duplicate(source: str, name: str) -> Skipped:
    error = Unloadable(
        f"holds a document with the id {name!r}, which another one has already.",
        remedy="Give the folders names, or the records ids of their own.",
        reason=Reason.DUPLICATE,
    )
    return skipped(source, error)


def _more_duplicates(source: str, n: int) -> Skipped:
    error = Unloadable(
        f"holds {n:,} more documents with ids that others have already.",
        remedy="Give the records ids of their own.",
        reason=Reason.DUPLICATE,
        n=n,
    )
    return skipped(source, error)
