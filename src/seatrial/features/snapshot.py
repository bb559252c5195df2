"""What is registered, as a file beside the repository: so that serving needs no Feast to know it.

Feast's registry is a file, a database or a service, in a format that only Feast reads. Commands
that have Feast at hand write what serving needs of it into this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.features.failures import RepositoryInvalid
from seatrial.features.view import Field, Origin, Reference, Repository, Service, ValueType, View

FILE = "seatrial_features.json"
SCHEMA = 2
"""Since 2 a view says where its values come from and how far it was materialized."""


def to_record(repository: Repository) -> dict[str, object]:
    """A repository as JSON."""
    return {
        "schema": SCHEMA,
        "project": repository.project,
        "views": [
            {
                "name": view.name,
                "online_name": view.online_name,
                "join_keys": [[field.name, field.type.value] for field in view.join_keys],
                "features": [[field.name, field.type.value] for field in view.features],
                "ttl_us": view.ttl_us,
                **_origin_record(repository.origins.get(view.name, Origin())),
            }
            for view in repository.views
        ],
        "services": [
            {
                "name": service.name,
                "features": [str(reference) for reference in service.features],
                "unsupported": service.unsupported,
            }
            for service in repository.services
        ],
    }


def from_record(record: Mapping[str, Any]) -> Repository:
    """A repository of JSON.   Raises: RepositoryInvalid: newer, or not what was written."""
    try:
        schema = record["schema"]
        if schema not in (1, SCHEMA):
            raise RepositoryInvalid(
                f"{FILE} has the schema {schema!r}, not 1 to {SCHEMA}.",
                remedy="Update seatrial, or write it anew: seatrial features apply",
            )
        return Repository(
            project=record["project"],
            views=tuple(_view(view) for view in record["views"]),
            services=tuple(_service(service) for service in record["services"]),
            origins={} if schema == 1 else _origins(record["views"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RepositoryInvalid(
            f"{FILE} is not what was written ({type(error).__name__}: {error}).",
            remedy="Write it anew: seatrial features apply",
        ) from error


def _view(record: Mapping[str, Any]) -> View:
    return View(
        name=record["name"],
        online_name=record["online_name"],
        join_keys=tuple(_field(*field) for field in record["join_keys"]),
        features=tuple(_field(*field) for field in record["features"]),
        ttl_us=record["ttl_us"],
    )


def _origin_record(origin: Origin) -> dict[str, object]:
    source = {"kind": origin.kind, "name": origin.name, "place": origin.place}
    return {
        "source": None if origin.kind is None else source,
        "materialized_us": origin.materialized_us,
    }


def _origins(views: Sequence[Mapping[str, Any]]) -> dict[str, Origin]:
    found = {
        view["name"]: Origin(**(view["source"] or {}), materialized_us=view["materialized_us"])
        for view in views
    }
    return {name: origin for name, origin in found.items() if origin != Origin()}


def _service(record: Mapping[str, Any]) -> Service:
    references = [Reference(*text.split(":", 1)) for text in record["features"]]
    return Service(
        name=record["name"], features=tuple(references), unsupported=record["unsupported"]
    )


def _field(name: str, kind: str) -> Field:
    known = kind in ValueType.__members__.values()
    return Field(name, ValueType(kind) if known else ValueType.OTHER)
