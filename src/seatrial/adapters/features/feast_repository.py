"""The folder of a Feast repository, as far as it is read without Feast: settings and snapshot."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.adapters.features.feast_format import KEY_VERSION
from seatrial.features import snapshot
from seatrial.features.failures import (
    NotApplied,
    RepositoryInvalid,
    RepositoryMissing,
    Unsupported,
)
from seatrial.features.online import OnlineStore
from seatrial.features.view import Repository

SETTINGS = "feature_store.yaml"
_CLASSES = {
    "feast.infra.online_stores.sqlite.SqliteOnlineStore": "sqlite",
    "feast.infra.online_stores.redis.RedisOnlineStore": "redis",
    "feast.infra.online_stores.postgres_online_store.postgres.PostgreSQLOnlineStore": "postgres",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeastFolder:
    """What a repository says of itself.

    Args:
        path: of the folder.
        project: of Feast.
        online: the section ``online_store``, with its type in Feast's short word.
    """

    path: Path
    project: str
    online: Mapping[str, Any]

    def repository(self) -> Repository:
        """What is registered.   Raises: NotApplied, RepositoryInvalid."""
        file = self.path / snapshot.FILE
        try:
            record = json.loads(file.read_bytes())
        except FileNotFoundError as error:
            raise NotApplied(
                f"Nothing is known of what {self.path} defines.",
                remedy=f"Run: seatrial features apply --repository {self.path}",
                repository=str(self.path),
            ) from error
        except (OSError, ValueError) as error:
            raise RepositoryInvalid(
                f"{file} cannot be read ({error}).",
                remedy="Write it anew: seatrial features apply",
            ) from error
        return snapshot.from_record(record)

    def keep(self, record: Mapping[str, object]) -> bool:
        """Keep a snapshot; whether it differs from the one before.

        Raises: RepositoryInvalid: it is none, or cannot be written.
        """
        text = json.dumps(snapshot.to_record(snapshot.from_record(record)), indent=1) + "\n"
        file = self.path / snapshot.FILE
        try:
            if file.is_file() and file.read_text(encoding="utf-8") == text:
                return False
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
        except OSError as error:
            raise RepositoryInvalid(
                f"{file} cannot be written ({error.strerror}).",
                remedy="Let this user write there.",
            ) from error
        return True

    def open_online(self, *, timeout_s: float) -> OnlineStore:
        """The online store, for one thread.

        Args: timeout_s: how long one reading may take, > 0.
        Raises: Unsupported, RepositoryInvalid, MissingExtra.
        """
        kind = self.online["type"]
        if kind == "sqlite":
            from seatrial.adapters.features.sqlite import SqliteFeatures

            path = self.path / self.online.get("path", "data/online.db")
            return SqliteFeatures(path, project=self.project, timeout_s=timeout_s)
        if kind == "redis" and self.online.get("redis_type", "redis") == "redis":
            from seatrial.adapters.features.redis import RedisFeatures

            address = self.online.get("connection_string", "localhost:6379")
            return RedisFeatures(address, project=self.project, timeout_s=timeout_s)
        if kind == "postgres":
            from seatrial.adapters.features.postgres import PostgresFeatures

            return PostgresFeatures(self.online, project=self.project, timeout_s=timeout_s)
        raise Unsupported(
            f"The online store {kind!r} of {self.path / SETTINGS} is not read here.",
            remedy="Use sqlite, redis (one server) or postgres as online_store.",
            field="online_store",
        )


def open_folder(path: Path, environment: Mapping[str, str] = os.environ) -> FeastFolder:
    """The repository in a folder.

    Args: environment: for ``${NAME}`` in the file, as Feast expands it.
    Raises: RepositoryMissing, RepositoryInvalid.
    """
    file = path / SETTINGS
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RepositoryMissing(
            f"There is no {file}.",
            remedy="Name the folder of a Feast repository (features.repository in seatrial.yaml, "
            "or --repository), or make one: seatrial features init",
            repository=str(path),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, str(error)) from error
    try:
        settings = yaml.safe_load(_expanded(text, environment))
    except yaml.YAMLError as error:
        raise _invalid(file, str(error)) from error
    if not isinstance(settings, dict) or not isinstance(settings.get("project"), str):
        raise _invalid(file, "it names no project")
    if settings.get("entity_key_serialization_version", KEY_VERSION) != KEY_VERSION:
        raise _invalid(file, f"entity_key_serialization_version is not {KEY_VERSION}")
    online = settings.get("online_store", {"type": "sqlite"})
    if not isinstance(online, dict):
        online = {"type": online or "none"}
    kind = str(online.get("type", "sqlite"))
    return FeastFolder(
        path=path,
        project=settings["project"],
        online={**online, "type": _CLASSES.get(kind, kind)},
    )


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """As `os.path.expandvars`, of any environment: what is not set stays as it is written."""

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1] or found[2], found[0])

    return re.sub(r"\$(?:(\w+)|\{([^}]*)\})", value, text)


def _invalid(file: Path, why: str) -> RepositoryInvalid:
    return RepositoryInvalid(
        f"{file} is no settings of a feature repository: {why}.",
        remedy="Correct it as Feast's documentation of feature_store.yaml has it.",
        repository=str(file.parent),
    )
