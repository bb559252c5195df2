"""A workspace: where one seatrial installation keeps its state, and its settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from socket import gethostname
from typing import Any

from seatrial.kernel.errors import Denied, Invalid
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Store, StoreDenied, StoreFull
from seatrial.wiring.settings import Settings
from seatrial.wiring.settings_file import load_settings

HOME = "SEATRIAL_HOME"
DEFAULT_HOME = ".seatrial"

STORES: Mapping[str, str] = {
    "sqlite": "seatrial.adapters.store.sqlite:SqliteStore",
    "postgresql": "seatrial.adapters.store.postgres:PostgresStore",
    "postgres": "seatrial.adapters.store.postgres:PostgresStore",
}


class UnknownStore(Invalid):
    """A store URL whose scheme is not known."""

    code = "store.unknown_scheme"


class HomeNotWritable(Denied):
    """The home folder cannot be made or written."""

    code = "workspace.not_writable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Folders and settings; opens what others need.

    Args:
        home: folder of the state: store, bundles, releases, logs.
        settings: as read once.
        config: the file they were read from, or None.
    """

    home: Path
    settings: Settings
    config: Path | None = None

    @property
    def bundles(self) -> Path:
        """Where bundles lie, one folder per digest."""
        return self.home / "bundles"

    @property
    def runs(self) -> Path:
        """Where the files of trainings lie, one folder per run."""
        return self.home / "runs"

    @property
    def log(self) -> Path:
        """Where the prediction log lies."""
        return self.home / "log"

    @property
    def spool(self) -> Path:
        """Where predictions wait to be written to the log."""
        return self.home / "spool"

    @property
    def labels(self) -> Path:
        """Where logged predictions wait for labels, and labels for the monitor."""
        return self.home / "labels"

    @property
    def limits(self) -> Path:
        """Where the workers of a server share how much each key may still ask for."""
        return self.own / "limits"

    @property
    def own(self) -> Path:
        """Where this machine says what runs on it; made if it is not there.

        The home folder, unless the store can be reached from other machines: servers on several
        have the home folder in common then, and each of them its processes and its clock.
        Raises: HomeNotWritable.
        """
        if self.store_url.partition("://")[0] == "sqlite":
            return self.home
        name = re.sub(r"[^A-Za-z0-9.-]", "_", gethostname()).strip(".") or "_"
        return _made(self.home / "hosts" / name)

    def release_folder(self, endpoint: str, version: int) -> Path:
        """Where the files and reports of a version lie."""
        return self.home / "releases" / endpoint / str(version)

    @property
    def store_url(self) -> str:
        """The store's URL: as configured, or the file in the home folder."""
        return self.settings.store or f"sqlite:///{self.home / 'seatrial.db'}"

    def listening(self, *, host: str | None, port: int | None, workers: int | None) -> Workspace:
        """The same workspace with what the command line says of the server."""
        said = {"host": host, "port": port, "workers": workers}
        given = {name: value for name, value in said.items() if value is not None}
        server = self.settings.server.model_copy(update=given)
        return replace(self, settings=self.settings.model_copy(update={"server": server}))

    def open_store(self) -> Store:
        """Open the store.

        Raises: UnknownStore; MissingExtra; StoreUnavailable.
        """
        return open_store(self.store_url)

    def read_store(self) -> Store | None:
        """The store, to read from it: also where this user may not write it, as in a home folder
        that is mounted read-only, or its drive is full. None where nothing was ever recorded.

        Raises: as `open_store`.
        """
        if not self.store_url.startswith("sqlite:"):
            return self.open_store()
        from seatrial.adapters.store.sqlite import SqliteStore, path_in

        if not path_in(self.store_url).exists():
            return None
        try:
            return self.open_store()
        except (StoreDenied, StoreFull):
            return SqliteStore.from_url(self.store_url, writable=False)


def open_store(url: str) -> Store:
    """Open a store by URL: ``sqlite:///path.db`` or ``postgresql://user@host/database``.

    Raises: UnknownStore; MissingExtra; StoreUnavailable.
    """
    store: Store = load_store(url).from_url(url)
    return store


def load_store(url: str) -> Any:
    """Import what opens a URL, without opening it; returns its class.

    Raises: UnknownStore; MissingExtra.
    """
    scheme = url.partition("://")[0]
    if scheme not in STORES:
        raise UnknownStore(
            f"The store's scheme {scheme[:40]!r} is not known.",  # the rest may hold a password
            remedy=f"Use one of: {', '.join(s + '://' for s in STORES)}.",
            scheme=scheme[:40],
        )
    module, _, name = STORES[scheme].partition(":")
    with ONE_AT_A_TIME:
        return getattr(import_module(module), name)


def open_workspace(
    *,
    home: Path | str | None = None,
    config: Path | str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Workspace:
    """The workspace of a command: its home folder is made if it is not there.

    Args:
        home: the folder; None for ``$SEATRIAL_HOME``, else ``.seatrial`` here.
        config: the configuration file; None for ``seatrial.yaml`` here if it exists.
    Raises: ConfigInvalid, HomeNotWritable.
    """
    file = None if config is None else Path(config)
    settings = load_settings(file, environment)
    folder = home_folder(home, environment)
    return Workspace(home=folder, settings=settings, config=file and file.resolve())


def home_folder(home: Path | str | None, environment: Mapping[str, str]) -> Path:
    """The folder of the state, made if it is not there.

    Args: as `open_workspace`.   Raises: HomeNotWritable.
    """
    return _made(Path(home or environment.get(HOME) or DEFAULT_HOME).resolve())


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise HomeNotWritable(
            f"The folder {folder} cannot be made: {problem.strerror}.",
            remedy=f"Name another one with --home or {HOME}.",
            home=str(folder),
        ) from problem
    return folder
