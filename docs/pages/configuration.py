"""docs/reference: every key of the configuration files, as pages and as schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pages.text import page, table
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.config import schema
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.rag.knowledge.config import KnowledgeFile
from seatrial.wiring.knowledge_settings import AllSettings

_VARIABLES = (
    ("SEATRIAL_HOME", "folder of the state when `--home` is not given; `.seatrial` without either"),
    (
        "SEATRIAL_TOKEN",
        "secret that opens the control routes and the console's buttons; needed to listen on "
        "anything but loopback",
    ),
    ("SEATRIAL_STORE", "URL of the store: the key `store` below, which may hold a password"),
    ("SEATRIAL_COMMAND", "read by exported retrainings: the program they call; `seatrial` without"),
    ("SEATRIAL_PROMETHEUS_TOKEN", "bearer token for the Prometheus of the section `judge`"),
    ("SEATRIAL_BUNDLE", "the bundle folder that `seatrial.wiring.deploying.standalone:app` serves"),
    (
        "SEATRIAL_ENGINES",
        "the key `engines` below as JSON; a bundle served by itself has its engine from here",
    ),
    ("SEATRIAL_REPORT", "set for a training: the file its reports go to"),
    ("SEATRIAL_VERSION", "the number it says its version has; 1 without"),
)
_BOUNDS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
)


def schema_file() -> str:
    """The JSON schema of the file, for editors."""
    return json.dumps(schema(AllSettings), indent=2, ensure_ascii=False) + "\n"


def monitoring_schema_file() -> str:
    """The JSON schema of monitoring.yaml, for editors."""
    return json.dumps(schema(MonitoringFile), indent=2, ensure_ascii=False) + "\n"


def monitoring_page() -> str:
    """Every key of monitoring.yaml with its type, default and meaning."""
    rows = [[f"`{key}`", *told] for key, *told in keys(schema(MonitoringFile))]
    return page(
        "monitoring.yaml",
        [
            "What `seatrial monitor` takes with `--config`. With `data` it watches the log of any",
            "server against `reference`; without, it is about an endpoint of this workspace's",
            "server, whose `seatrial.yaml` holds the same sections under `monitoring`. Relative",
            "paths begin in the folder of the file.",
            "[monitoring.schema.json](monitoring.schema.json) is the same for editors:",
        ],
        ["```yaml", "# yaml-language-server: $schema=monitoring.schema.json", "```"],
        table(["key", "value", "default", "meaning"], rows),
        [
            "`SEATRIAL_MONITORING__` and the key in capitals, with two underscores for each dot,",
            "goes over the file: `SEATRIAL_MONITORING__NOTIFY__LANGUAGE=zh`.",
        ],
    )


def experiment_schema_file() -> str:
    """The JSON schema of experiment.yaml, for editors."""
    return json.dumps(schema(ExperimentFile), indent=2, ensure_ascii=False) + "\n"


def experiment_page() -> str:
    """Every key of experiment.yaml with its type, default and meaning."""
    rows = [[f"`{key}`", *told] for key, *told in keys(schema(ExperimentFile))]
    return page(
        "experiment.yaml",
        [
            "An A/B test, written down before it starts: what `seatrial experiment` takes with",
            "`--design`. [How to run an A/B test](../how-to/experiments.md) has examples;",
            "[experiment.schema.json](experiment.schema.json) is this page for editors:",
        ],
        ["```yaml", "# yaml-language-server: $schema=experiment.schema.json", "```"],
        table(["key", "value", "default", "meaning"], rows),
        [
            "`SEATRIAL_EXPERIMENT__` and the key in capitals, with two underscores for each dot,",
            "goes over the file: `SEATRIAL_EXPERIMENT__HORIZON__UNITS=20000`.",
        ],
    )


def rag_config_schema_file() -> str:
    """The JSON schema of rag_config.yaml, for editors."""
    return json.dumps(schema(KnowledgeFile), indent=2, ensure_ascii=False) + "\n"


def rag_config_page() -> str:
    """Every key of rag_config.yaml with its type, default and meaning."""
    rows = [[f"`{key}`", *told] for key, *told in keys(schema(KnowledgeFile))]
    return page(
        "rag_config.yaml",
        [
            "One index: what `seatrial rag` takes with `--config`. Below a name in the section",
            "`knowledge` of `seatrial.yaml` the same keys, less `name` and `gateway`, make an",
            "index that `seatrial up` serves too. Relative paths begin in the folder of the file.",
            "[How to ask documents](../how-to/ask-documents.md) has examples;",
            "[rag_config.schema.json](rag_config.schema.json) is this page for editors:",
        ],
        ["```yaml", "# yaml-language-server: $schema=rag_config.schema.json", "```"],
        table(["key", "value", "default", "meaning"], rows),
        [
            "`SEATRIAL_RAG__` and the key in capitals, with two underscores for each dot, goes",
            "over the file: `SEATRIAL_RAG__RETRIEVAL__K=20`.",
        ],
    )


def configuration_page() -> str:
    """Every key with its type, default and meaning."""
    whole = schema(AllSettings)
    rows = [[f"`{key}`", *told] for key, *told in keys(whole)]
    variables = [[f"`{name}`", text] for name, text in _VARIABLES]
    return page(
        "Configuration",
        [
            "`seatrial.yaml` of the working folder, or the file named with `--config`. Every",
            "key may be left out. A key that is not known is an error that names the nearest",
            "one, and all problems are told at once.",
            "[seatrial.schema.json](seatrial.schema.json) is the same for editors:",
        ],
        ["```yaml", "# yaml-language-server: $schema=seatrial.schema.json", "```"],
        table(["key", "value", "default", "meaning"], rows),
        [
            "A duration is a number of seconds or a text such as `45s`, `10m` or `1h30m`. A",
            "rollout keeps the plan it began with, whatever the file says later.",
        ],
        ["## Environment"],
        [
            "`SEATRIAL_` and the key in capitals, with two underscores for each dot, goes over",
            "the file: `SEATRIAL_SERVER__PORT=9000` is `server.port: 9000`. A list or mapping",
            "is written as JSON. Options of the command line go over both.",
        ],
        table(["variable", "meaning"], variables),
    )


def keys(whole: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Key, type, default and meaning of all a schema holds, in its order; no section twice."""
    yield from _below(whole, whole, "", set())


def _below(
    node: dict[str, Any], whole: dict[str, Any], prefix: str, told: set[str]
) -> Iterator[tuple[str, str, str, str]]:
    for name, field in node.get("properties", {}).items():
        key = f"{prefix}{name}"
        sections = list(_sections(field, whole))
        text = field.get("description") or next((s.get("description") for s, _, _ in sections), "")
        mark = sections[0][1] if len(sections) == 1 else ""
        yield key + mark, _type(field, whole), _default(field), text
        for section, its_mark, title in sections:
            if title not in told:
                told.add(title)
                yield from _below(section, whole, f"{key}{its_mark}.", told)


def _sections(
    field: dict[str, Any], whole: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The sections a key may hold, how its members are written, and each section's name.

    Of several kinds of section, each is marked with its ``kind``.
    """
    marks = (("", field), ("[]", field.get("items")), (".NAME", _values(field)))
    for mark, inner in marks:
        if not isinstance(inner, dict):
            continue
        options = [inner, *inner.get("anyOf", []), *inner.get("oneOf", [])]
        for option in options:
            if "$ref" not in option:
                continue
            title = option["$ref"].rpartition("/")[2]
            target = whole["$defs"][title]
            if "properties" not in target:
                continue
            kind = target["properties"].get("kind", {})
            kinds = [kind["const"]] if "const" in kind else kind.get("enum", [])
            told = f" ({', '.join(kinds)})" if "oneOf" in inner and kinds else ""
            yield target, mark + told, title


def _type(field: dict[str, Any], whole: dict[str, Any]) -> str:
    if "anyOf" in field:
        options = [_type(option, whole) for option in field["anyOf"]]
        return "duration" if options == ["number ≥ 0", "string"] else " or ".join(options)
    if "$ref" in field:
        return _type(whole["$defs"][field["$ref"].rpartition("/")[2]], whole)
    if "oneOf" in field or "properties" in field:
        return "section"
    choices = [field["const"]] if "const" in field else field.get("enum")
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if field.get("type") in ("array", "object"):
        return _several(field, whole)
    bounds = [form.format(field[key]) for key, form in _BOUNDS if key in field]
    kinds = field.get("type", "anything")
    kind = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return " ".join([kind, ", ".join(bounds)]).strip()


def _several(field: dict[str, Any], whole: dict[str, Any]) -> str:
    """A list or a mapping."""
    if "prefixItems" in field:
        return f"[{', '.join(_type(item, whole) for item in field['prefixItems'])}]"
    if field["type"] == "array":
        return f"list of {_type(field['items'], whole)}".replace("of section", "of sections")
    values = _values(field)
    inner = _type(values, whole) if isinstance(values, dict) else "section"
    return f"{inner}s by name" if inner == "section" else f"{inner} by name"


def _values(field: dict[str, Any]) -> Any:
    """What a mapping holds, where names may have any form or must have one."""
    of_a_form = list(field.get("patternProperties", {}).values())
    return of_a_form[0] if of_a_form else field.get("additionalProperties")


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or isinstance(field["default"], list | dict):
        return ""
    return f"`{json.dumps(field['default'])}`"
