"""What a bundle is made of, as a software bill of materials: CycloneDX 1.6 in JSON. Pure.

Libraries as they are pinned and files with their hashes; the same bundle gives the same bytes, so
neither a time nor a random number enters. Licences do not either: a bundle does not know them.
"""

from __future__ import annotations

import json
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from seatrial import __version__
from seatrial.packaging.requirements import Pins
from seatrial.registry.incoming import FileRecord
from seatrial.registry.manifest import Manifest

FILE = "sbom.cdx.json"
_MODEL = "model"


def render(manifest: Manifest, pins: Pins, *, version: int | None = None) -> str:
    """The text of ``sbom.cdx.json``.

    Args:
        manifest: of a verified bundle.
        pins: the libraries, of the bundle alone or of its whole image.
        version: its number where it is registered; else its digest stands for it.
    """
    graphs = set(manifest.artefacts.values())
    components = [
        *(_library(name, pinned) for name, pinned in sorted(pins.items())),
        *(_file(file, model=file.path in graphs) for file in manifest.files),
    ]
    refs = ["python", *(str(component["bom-ref"]) for component in components)]
    document: dict[str, object] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "seatrial", "version": __version__}]
            },
            "component": _model(manifest, version),
        },
        "components": [_python(manifest), *components],
        "dependencies": [{"ref": _MODEL, "dependsOn": refs}],
    }
    number = uuid5(NAMESPACE_URL, json.dumps(document))
    return json.dumps({**document, "serialNumber": number.urn}, indent=1) + "\n"


def _model(manifest: Manifest, version: int | None) -> dict[str, object]:
    signature = manifest.signature
    return {
        "type": "machine-learning-model",
        "bom-ref": _MODEL,
        "name": manifest.name,
        "version": manifest.digest if version is None else str(version),
        "modelCard": {
            "modelParameters": {
                "task": signature.task.value,
                "modelArchitecture": f"{manifest.framework.name} {manifest.framework.version}",
                "inputs": [{"format": f"{f.name}: {f.dtype.value}"} for f in signature.features],
                "outputs": [{"format": f"{o.name}: {o.dtype.value}"} for o in signature.outputs],
            }
        },
        "properties": [
            {"name": "seatrial:digest", "value": manifest.digest},
            {"name": "seatrial:source-sha256", "value": manifest.source_sha256},
        ],
    }


def _python(manifest: Manifest) -> dict[str, object]:
    return {
        "type": "platform",
        "bom-ref": "python",
        "name": "python",
        "version": manifest.python,
        "purl": f"pkg:generic/python@{manifest.python}",
    }


def _library(name: str, version: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{quote(version, safe='.-_~!')}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _file(file: FileRecord, *, model: bool) -> dict[str, object]:
    return {
        "type": "machine-learning-model" if model else "file",
        "bom-ref": f"file:{file.path}",
        "name": file.path,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
    }
