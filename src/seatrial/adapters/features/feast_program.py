"""The child process that has Feast: started by file name, by a Python that need not have seatrial.

It reads one JSON object a line from stdin and answers each with one on stdout; tables go through
Arrow files. It imports nothing but the standard library and what comes with Feast. The calls:

    {"call": "hello"}                                    -> {"feast": version}
    {"call": "apply"}                                    -> {"snapshot": ...}
    {"call": "describe"}                                 -> {"snapshot": ...}
    {"call": "materialize", "start": s, "end": s, "views": [..]}  -> {"snapshot": ...}
    {"call": "join", "rows": file, "features": [..], "into": file, "max_age": s} -> {"n": rows}
    {"call": "keys", "view": name, "limit": n, "end": s, "into": file} -> {"n": rows}
    {"call": "online", "features": [..], "keys": [{..}]} -> {"values": {name: [..]}, "statuses": ..}

Times are seconds since 1970. An answer that begins with ``error`` has its kind and Feast's words.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

_SINGLE = {"bytes", "string", "int32", "int64", "double", "float", "bool", "unix_timestamp"}


class Program:
    """Answers calls about one repository.

    Args: folder: of feature_store.yaml.
    """

    def __init__(self, folder: str) -> None:
        from feast import FeatureStore

        self._folder = folder
        self._store = FeatureStore(repo_path=folder)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """The reply to a call."""
        call = message.pop("call")
        if call not in ("hello", "apply", "describe", "materialize", "join", "keys", "online"):
            raise ValueError(f"no call {call!r}")
        reply: dict[str, Any] = getattr(self, call)(**message)
        return reply

    def hello(self) -> dict[str, Any]:
        """Which Feast this is."""
        import feast

        return {"feast": feast.__version__}

    def apply(self) -> dict[str, Any]:
        """Register what the folder's files define, and make the tables of the online store."""
        from feast import repo_operations

        self._forget_definitions()
        repo_operations.apply_total(
            repo_config=self._store.config,
            repo_path=Path(self._folder),
            skip_source_validation=False,
        )
        self._store.refresh_registry()
        return self.describe()

    def _forget_definitions(self) -> None:
        """So that files that have changed since an earlier call are read again."""
        folder = Path(self._folder)
        for name, module in list(sys.modules.items()):
            file = Path(getattr(module, "__file__", None) or "/")
            if file.is_relative_to(folder) and "site-packages" not in file.parts:
                del sys.modules[name]

    def describe(self) -> dict[str, Any]:
        """What is registered."""
        return {"snapshot": _snapshot(self._store)}

    def materialize(self, start: float | None, end: float, views: list[str]) -> dict[str, Any]:
        """Write the newest values between two times to the online store.

        Without a start, from where the time before left off.
        """
        names = views or None
        if start is None:
            self._store.materialize_incremental(end_date=_time(end), feature_views=names)
        else:
            self._store.materialize(_time(start), _time(end), feature_views=names)
        return self.describe()

    def join(
        self, rows: str, features: list[str], into: str, max_age: float | None = None
    ) -> dict[str, Any]:
        """Features of entities as of times; rows that Feast drops come back with nulls.

        The table has the join keys and ``event_timestamp``; what comes back has its rows, in order.
        No value is older than ``max_age`` seconds, whatever the TTL of its view.
        """
        import pandas as pd
        from pyarrow import feather

        asked = feather.read_table(rows).to_pandas(types_mapper=_whole_numbers().get)
        keys = [name for name in asked.columns if name != "event_timestamp"]
        # Feast drops entity rows that are the same, and those for which every value expired.
        unique = asked.drop_duplicates(ignore_index=True)
        with _views_as_joined(self._store.registry, max_age), _files_read_whole():
            joined = self._store.get_historical_features(
                entity_df=unique.copy(), features=features, full_feature_names=True
            ).to_arrow()
        found = joined.to_pandas(types_mapper=_whole_numbers().get)
        for frame in (asked, found):
            frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True).astype(
                "datetime64[us, UTC]"
            )
        columns = [reference.replace(":", "__", 1) for reference in features]
        found = found[[*keys, "event_timestamp", *columns]].drop_duplicates(
            [*keys, "event_timestamp"]
        )
        merged = asked.merge(found, on=[*keys, "event_timestamp"], how="left", sort=False)
        _write(merged[columns], into)
        return {"n": len(merged)}

    def keys(self, view: str, limit: int, end: float, into: str) -> dict[str, Any]:
        """The entities with the newest values of a view up to a time."""
        found = self._store.get_feature_view(view)
        source = found.batch_source
        names = [column.name for column in found.entity_columns]
        ttl = found.ttl or timedelta(0)
        start = _time(end) - ttl if ttl else datetime(1970, 1, 2, tzinfo=timezone.utc)
        latest = (
            self._store._get_provider()
            .offline_store.pull_latest_from_table_or_query(
                config=self._store.config,
                data_source=source,
                join_key_columns=names,
                feature_name_columns=[],
                timestamp_field=source.timestamp_field,
                created_timestamp_column=source.created_timestamp_column or None,
                start_date=start,
                end_date=_time(end),
            )
            .to_df()
        )
        newest = latest.sort_values(source.timestamp_field, ascending=False, kind="stable")
        _write(newest[names].head(limit).reset_index(drop=True), into)
        return {"n": min(limit, len(newest))}

    def online(self, features: list[str], keys: list[dict[str, Any]]) -> dict[str, Any]:
        """What Feast itself reads online."""
        response = self._store.get_online_features(
            features=features, entity_rows=keys, full_feature_names=True
        ).proto
        from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
        from feast.type_map import feast_value_type_to_python_type

        names = list(response.metadata.feature_names.val)
        wanted = [reference.replace(":", "__", 1) for reference in features]
        values, statuses = {}, {}
        for reference, name in zip(features, wanted, strict=True):
            vector = response.results[names.index(name)]
            values[reference] = [_plain(feast_value_type_to_python_type(v)) for v in vector.values]
            statuses[reference] = [FieldStatus.Name(status) for status in vector.statuses]
        return {"values": values, "statuses": statuses}


@contextmanager
def _views_as_joined(registry: Any, max_age: float | None) -> Iterator[None]:
    """Views as a join is to see them: none is younger than ``max_age``, and none is busy.

    Feast refuses to join a view while it is materialized, and for ever after one that was killed.
    """
    found = registry.get_any_feature_view

    def view(*where: Any, **how: Any) -> Any:
        one = found(*where, **how)
        if getattr(one, "state", None) is not None:
            one.state = type(one.state).STATE_UNSPECIFIED
        if max_age is not None and hasattr(one, "ttl"):
            limit = timedelta(seconds=max_age)
            one.ttl = min(one.ttl, limit) if one.ttl else limit
        return one

    registry.get_any_feature_view = view
    try:
        yield
    finally:
        del registry.get_any_feature_view


def _whole_numbers() -> dict[Any, Any]:
    """Types of whole numbers that hold nulls as they are.

    With the default, one null makes a column float, which keeps 53 bits.
    """
    import pandas as pd
    import pyarrow as pa

    return {pa.int64(): pd.Int64Dtype()}


@contextmanager
def _files_read_whole() -> Iterator[None]:
    """Parquet files as Feast's file store reads them, by dask, but with whole numbers whole."""
    try:
        import dask.dataframe as dask
    except ImportError:  # another offline store, which needs none
        yield
        return
    read = dask.read_parquet

    def read_whole(*where: Any, **how: Any) -> Any:
        return read(*where, **{"arrow_to_pandas": {"types_mapper": _whole_numbers().get}} | how)

    dask.read_parquet = read_whole
    try:
        yield
    finally:
        dask.read_parquet = read


def _snapshot(store: Any) -> dict[str, Any]:
    """What serving needs of the registry; see `features.snapshot`."""
    from feast.infra.online_stores.helpers import compute_versioned_name

    versions = getattr(store.config.registry, "enable_online_feature_view_versioning", False)
    views = [*store.list_batch_feature_views(), *store.list_stream_feature_views()]
    names = {view.name for view in views}
    return {
        "schema": 2,
        "project": store.project,
        "views": [
            {
                "name": view.name,
                "online_name": compute_versioned_name(view, versions),
                "join_keys": [[c.name, _type(c.dtype)] for c in view.entity_columns],
                "features": [[f.name, _type(f.dtype)] for f in view.features],
                "ttl_us": _microseconds(view.ttl),
                "source": _source(view.batch_source),
                "materialized_us": _until(view.most_recent_end_time),
            }
            for view in sorted(views, key=lambda view: view.name)
            if view.entity_columns and view.entity_columns[0].name != "__dummy_id"
        ],
        "services": [
            _service(service, names)
            for service in sorted(store.list_feature_services(), key=lambda s: s.name)
        ],
    }


def _service(service: Any, views: set[str]) -> dict[str, Any]:
    features, unsupported = [], None
    for projection in service.feature_view_projections:
        if projection.name not in views:
            unsupported = f"uses {projection.name}, which is computed on demand"
        elif projection.join_key_map or projection.name_to_use() != projection.name:
            unsupported = f"uses {projection.name} under another name or with other keys"
        features += [f"{projection.name}:{feature.name}" for feature in projection.features]
    return {"name": service.name, "features": features, "unsupported": unsupported}


def _source(source: Any) -> dict[str, Any] | None:
    """Where values come from, in a few words; a query is cut."""
    if source is None:
        return None
    place = source.path if getattr(source, "path", None) else source.get_table_query_string()
    kind = type(source).__name__
    return {"kind": kind, "name": source.name, "place": " ".join(str(place).split())[:200]}


def _until(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return (aware - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def _type(dtype: Any) -> str:
    name = dtype.to_value_type().name.lower()
    return name if name in _SINGLE else "other"


def _microseconds(ttl: timedelta | None) -> int | None:
    return ttl // timedelta(microseconds=1) or None if ttl else None


def _time(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)


def _write(frame: Any, into: str) -> None:
    import pyarrow as pa
    from pyarrow import feather

    table = pa.Table.from_pandas(frame, preserve_index=False)
    feather.write_feather(table, into, compression="uncompressed")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)


def main(folder: str) -> None:
    """Answer until stdin ends. What Feast prints goes to stderr."""
    folder = str(Path(folder).resolve())
    sys.dont_write_bytecode = True
    sys.path[0] = folder  # definitions are imported from there, and nothing from beside this file
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    program: Program | None = None
    for line in sys.stdin:
        try:
            program = program or Program(folder)
            reply = program.answer(json.loads(line))
        except ImportError as problem:
            reply = {"error": "missing", "problem": str(problem), "module": problem.name}
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - the border of a call
            traceback.print_exc()
            reply = {
                "error": type(problem).__name__,
                "problem": " ".join(str(problem).split())[:2000],
            }
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
