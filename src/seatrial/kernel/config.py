"""Configuration: one file and the environment, merged once, validated whole.

Each package owns its options as a `ConfigModel` beside the code that uses them; this module only
reads, merges and reports. There is no global settings object, and nothing is read on import. It
loads pydantic and yaml: import it where configuration is loaded, not at the top of a domain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from seatrial.kernel.config_file import MAX_BYTES, parse
from seatrial.kernel.errors import Invalid, NotFound

_SECRET = re.compile(r"token|secret|password|api_?key|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
_SHOWN_PROBLEMS = 20


class ConfigModel(BaseModel):
    """A section of the configuration: unknown keys refused, numbers finite, frozen once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]
"""One name, or a list of them."""

M = TypeVar("M", bound=ConfigModel)


class ConfigMissing(NotFound):
    """The configuration file cannot be opened."""

    code = "config.missing"


class ConfigInvalid(Invalid):
    """Values of the configuration are wrong; ``facts["problems"]`` holds every one of them."""

    code = "config.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a configuration.

    Args:
        where: dotted place, such as ``server.port`` or ``endpoints.0.name``.
        value: the value as given, shortened, secrets hidden; None when there is none.
        message: what is wrong with it.
        nearest: for an unknown key, the known one that looks most like it.
    """

    where: str
    value: str | None
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        given = "" if self.value is None else f" is {self.value}:"
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.where}{given} {self.message}{hint}".lstrip()


def load(
    path: Path | None, model: type[M], env: Mapping[str, str], *, prefix: str = "SEATRIAL_"
) -> M:
    """Read a file, lay the environment over it, and validate.

    ``SEATRIAL_SERVER__PORT=9000`` sets ``server.port``: two underscores go one level down. A value
    that begins with ``[`` or ``{`` is read as JSON, any other is text and converted to the type of
    its field. A variable without two underscores counts only when it names a key of the top level,
    since the prefix is shared with variables that are no configuration.

    Args:
        path: the file, or None for the environment alone.
        model: what to validate against.
        env: the environment; read once, here.
        prefix: of the variables that belong to seatrial.
    Raises: ConfigMissing, ConfigUnreadable, ConfigInvalid (with every problem at once).
    """
    source = "the environment" if path is None else str(path)
    values = {} if path is None else parse(_read(path), source)
    return validated(model, values, source, problems=_overlay(values, model, env, prefix))


def validated(
    model: type[M], values: Mapping[str, Any], source: str, *, problems: Iterable[Problem] = ()
) -> M:
    """Validate what stands in a file, or would.

    Args:
        source: where the values are from, for messages.
        problems: known already.
    Raises: ConfigInvalid (with every problem at once).
    """
    found = list(problems)
    try:
        loaded = model.model_validate(values)
    except ValidationError as error:
        found += [_problem(model, details) for details in _causes(error.errors(include_url=False))]
    except RecursionError:
        found.append(Problem(where="", value=None, message="is nested too deep"))
    if found:
        raise _invalid(source, found)
    return loaded


def schema(model: type[ConfigModel]) -> dict[str, Any]:
    """The JSON schema of a section, for editors and for the docs."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | model.model_json_schema()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigMissing(
            f"The configuration {str(path)!r} cannot be opened "
            f"({getattr(error, 'strerror', None) or error}).",
            remedy="Give the path of a readable YAML file.",
            source=str(path),
        ) from error


def _overlay(
    values: dict[str, Any], model: type[ConfigModel], env: Mapping[str, str], prefix: str
) -> Iterator[Problem]:
    """Lay the variables over ``values``, in place; yields those that do not fit."""
    for variable in sorted(name for name in env if name.startswith(prefix)):
        place = variable.removeprefix(prefix).lower().split("__")
        if len(place) == 1 and place[0] not in model.model_fields:
            continue
        section: Any = values
        for key in place[:-1]:
            if section.get(key) is None:
                section[key] = {}
            section = section[key]
            if not isinstance(section, dict):
                yield Problem(where=variable, value=None, message=f"{key!r} has no keys under it")
                break
        else:
            section[place[-1]] = _read_variable(env[variable])


def _read_variable(text: str) -> object:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _causes(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without lists that are too short because something in them is wrong."""
    within = {error["loc"][:n] for error in errors for n in range(len(error["loc"]))}
    return [one for one in errors if one["type"] != "too_short" or one["loc"] not in within]


def _problem(model: type[ConfigModel], details: Mapping[str, Any]) -> Problem:
    place: tuple[int | str, ...] = details["loc"]
    where = ".".join(str(part) for part in place)
    if details["type"] == "extra_forbidden":
        nearest = get_close_matches(str(place[-1]), _known(model, place[:-1]), n=1)
        return Problem(
            where=where,
            value=None,
            message="is not a known key",
            nearest=nearest[0] if nearest else None,
        )
    if details["type"] == "missing":
        return Problem(where=where, value=None, message="is needed and not there")
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "too_short":
        message = f"at least {details['ctx']['min_length']} must be there"
    value = _shown(where, details["input"]) if place else None  # else it would be the whole file
    return Problem(where=where, value=value, message=message)


def _known(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys of the section at ``place``; parts that are no field are indexes or union tags."""
    models = [model]
    for part in place:
        fields = [m.model_fields[str(part)] for m in models if str(part) in m.model_fields]
        if fields:
            models = [inner for field in fields for inner in _sections(field.annotation)]
    return sorted({name for m in models for name in m.model_fields})


def _sections(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)


def _shown(where: str, value: object) -> str:
    if _SECRET.search(where):
        return "(hidden)"
    if isinstance(value, Mapping):  # a whole section says little when it is cut off
        return "{…}"
    text = _URL_PASSWORD.sub(r"\1***@", repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _invalid(source: str, problems: Sequence[Problem]) -> ConfigInvalid:
    shown = "; ".join(str(problem) for problem in problems[:_SHOWN_PROBLEMS])
    more = len(problems) - _SHOWN_PROBLEMS
    return ConfigInvalid(
        f"{source} has {len(problems)} problem{'s' if len(problems) > 1 else ''}: {shown}"
        + (f"; and {more} more." if more > 0 else "."),
        remedy="Correct each of them and run again.",
        source=source,
        problems=[asdict(problem) for problem in problems],
    )
