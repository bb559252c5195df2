"""Everything that was named, as a stream of documents and of what was skipped."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from seatrial.rag.loading.config import LoadingConfig, SourceConfig
from seatrial.rag.loading.formats import RECORDS, format_of, instead_of
from seatrial.rag.loading.globs import Globs
from seatrial.rag.loading.known import Known
from seatrial.rag.loading.loader import Isolation, Loader, Splitter
from seatrial.rag.loading.outcome import Loaded, Reason, Skipped, Unloadable, skipped
from seatrial.rag.loading.reading import Treatment
from seatrial.rag.loading.rules import Rules
from seatrial.rag.loading.source import TOLD_FLAWS, Source
from seatrial.rag.loading.walk import Choice, Found, walk
from seatrial.rag.text.document import Document

_Begun: TypeAlias = "Source | Skipped | Future[list[Loaded]]"


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
        for source in self._config.sources:
            treatments = _Treatments(self._config, source, self._loaders)
            choice = Choice(
                include=Globs(source.include),
                exclude=Globs(source.exclude),
                hidden=source.hidden,
                max_files=self._config.limits.files,
            )
            for found in walk(self._folder / source.path, choice):
                if isinstance(found, Skipped):
                    yield found
                else:
                    yield self._source(found, source, treatments)

    def _source(
        self, found: Found, source: SourceConfig, treatments: _Treatments
    ) -> Source | Skipped:
        name = f"{source.name}/{found.source}" if source.name else found.source
        treatment = treatments.of(found.source)
        if treatment is None:
            error = Unloadable(
                "has no known format.",
                remedy=instead_of(found.source),
                reason=Reason.UNSUPPORTED,
            )
            return skipped(name, error)
        return Source(name, found, treatment, self._isolation)

    def load(self, known: Mapping[str, str] | None = None) -> Iterator[Loaded]:
        """Everything, in the order of `sources`, several files at once where parsers run apart.

        Nothing is raised for what is wrong with a source; that comes as `Skipped`.

        Args: known: digests by document id; what has an equal one is not parsed, and comes as
            `Unchanged`. Known ids that do not come at all are gone.
        """
        names = Known(known or {})
        seen: set[str] = set()
        doubles = Counter[str]()
        for item in self._loaded(names):
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

    def _loaded(self, known: Known) -> Iterator[Loaded]:
        n_ahead = 2 * self._isolation.n_workers
        begun: deque[_Begun] = deque()
        n_running = 0
        with ThreadPoolExecutor(self._isolation.n_workers) as pool:
            try:
                for source in self.sources():
                    if isinstance(source, Source) and source.isolated:
                        begun.append(pool.submit(_all, source, known))
                        n_running += 1
                    else:
                        begun.append(source)
                    while begun and (n_running > n_ahead or _is_ready(begun[0])):
                        n_running -= isinstance(begun[0], Future)
                        yield from _results(begun.popleft(), known)
                while begun:
                    yield from _results(begun.popleft(), known)
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

    def of(self, path: str) -> Treatment | None:
        """How a file is read; None where nobody can."""
        found = format_of(path.rpartition("/")[2], self._config.formats, self._source.format)
        if found is None:
            return None
        name = found.name
        if self._source.fields is not None:
            name = RECORDS.get(name, name)
        said = self._rules.of(path)
        key = (name, found.packed, id(said))  # `Rules` keeps them, so an id stays one's own
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


def _all(source: Source, known: Known) -> list[Loaded]:
    return list(source.load(known))


def _is_ready(begun: _Begun) -> bool:
    return not isinstance(begun, Future) or begun.done()


def _results(begun: _Begun, known: Known) -> Iterator[Loaded]:
    if isinstance(begun, Future):
        yield from begun.result()
    elif isinstance(begun, Skipped):
        yield begun
    else:
        yield from begun.load(known)


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
