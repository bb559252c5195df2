"""A Helm chart: the plain objects, with what installations differ in left to values."""

from __future__ import annotations

import re
from dataclasses import replace

from seatrial.packaging.kubernetes import plain
from seatrial.packaging.kubernetes.objects import Object, Shipped

_NUMBER = "number of "
_TAG = (
    "{{ if kindIs `string` .Values.image.tag }}{{ .Values.image.tag }}"
    "{{ else }}{{ fail `image.tag is no text: put it in quotes, or use --set-string.` }}{{ end }}"
)
"""The image's tag. Helm would write a number such as 20261127 as 2.0261127e+07, and nobody would
know before the image is pulled."""

_WHOLE = re.compile(rf'"{_NUMBER}([A-Za-z.]+)"')


def objects(shipped: Shipped) -> dict[str, Object]:
    """The chart's files; `with_numbers` makes templates of their texts."""
    # Whoever installs a chart says the namespace.
    free = replace(shipped, config=shipped.config.model_copy(update={"namespace": None}))
    made = plain.objects(replace(free, image=_text("image.repository", ":") + _TAG))
    _leave_open(made)
    return {
        "Chart.yaml": _chart(shipped),
        "values.yaml": _values(shipped),
        **{f"templates/{path}": document for path, document in made.items()},
    }


def with_numbers(text: str) -> str:
    """The text of a file, with values that are numbers out of their quotes."""
    return _WHOLE.sub(r"{{ .Values.\1 | int }}", text)


def _text(*parts: str) -> str:
    """A text with values in it; it stands in quotes, as every text does."""
    return "".join(f"{{{{ .Values.{part} }}}}" if "." in part else part for part in parts)


def _leave_open(made: dict[str, Object]) -> None:
    """Put values in place of what differs between installations."""
    spec = made["deployment.yaml"]["spec"]
    assert isinstance(spec, dict)
    container = spec["template"]["spec"]["containers"][0]
    memory = _text("resources.memory")
    container["resources"] = {
        "requests": {"cpu": _text("resources.cpu"), "memory": memory},
        "limits": {"memory": memory},
    }
    scaling = made["hpa.yaml"]["spec"]
    assert isinstance(scaling, dict)
    scaling["minReplicas"] = f"{_NUMBER}replicas.min"
    scaling["maxReplicas"] = f"{_NUMBER}replicas.max"


def _chart(shipped: Shipped) -> Object:
    return {
        "apiVersion": "v2",
        "name": shipped.name,
        "description": f"Predictions of {shipped.name}.",
        "type": "application",
        "version": f"{shipped.version}.0.0",
        "appVersion": str(shipped.version),
    }


def _values(shipped: Shipped) -> Object:
    repository, _, tag = shipped.pulled.rpartition(":")
    needs, config = shipped.resources, shipped.config
    return {
        "image": {"repository": repository, "tag": tag},
        "replicas": {"min": config.min_replicas, "max": config.max_replicas},
        "resources": {"cpu": f"{needs.cpu_m}m", "memory": f"{needs.memory_mib}Mi"},
    }
