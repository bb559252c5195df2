import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import ComponentType
from referencing import Registry, Resource

from seatrial.packaging.files import write_files
from seatrial.packaging.requirements import parse_pins
from seatrial.packaging.sbom import FILE, render
from seatrial.registry.bundle import Bundle


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    """CycloneDX's own, with the schemas it refers to."""
    folder = resources.files("cyclonedx.schema") / "_res"
    names = ("bom-1.6", "spdx", "jsf-0.82", "cryptography-defs")
    found: dict[str, Any] = {}
    for name in names:
        file = folder / f"{name}.SNAPSHOT.schema.json"
        if file.is_file():
            found[f"{name}.SNAPSHOT.schema.json"] = json.loads(file.read_text())
    whole = found["bom-1.6.SNAPSHOT.schema.json"]
    registry: Registry[Any] = Registry().with_resources(
        (f"{whole['$id'].rpartition('/')[0]}/{name}", Resource.from_contents(text))
        for name, text in found.items()
    )
    return jsonschema.Draft7Validator(whole, registry=registry)


def rendered(bundle: Bundle, **more: Any) -> dict[str, Any]:
    text = render(bundle.manifest, parse_pins(bundle.requirements()), **more)
    document: dict[str, Any] = json.loads(text)
    return document


def test_it_is_what_the_schema_of_cyclonedx_asks_for(
    schema: jsonschema.Draft7Validator, bundle: Bundle
) -> None:
    document = rendered(bundle)
    assert not list(schema.iter_errors(document))
    document["components"][0]["type"] = "thing"
    assert list(schema.iter_errors(document))  # the schema does look


def test_the_librarys_own_reader_finds_every_library_and_file(bundle: Bundle) -> None:
    bom = Bom.from_json(rendered(bundle, version=7))
    subject = bom.metadata.component
    assert subject is not None
    assert (subject.name, subject.version) == (bundle.manifest.name, "7")
    assert subject.type is ComponentType.MACHINE_LEARNING_MODEL
    of_type = {
        kind: {c.name: c for c in bom.components if c.type is kind} for kind in ComponentType
    }
    libraries = of_type[ComponentType.LIBRARY]
    assert {name: c.version for name, c in libraries.items()} == parse_pins(bundle.requirements())
    assert str(libraries["numpy"].purl) == "pkg:pypi/numpy@2.0.0"
    files = of_type[ComponentType.FILE] | of_type[ComponentType.MACHINE_LEARNING_MODEL]
    hashes = {name: next(iter(c.hashes)).content for name, c in files.items()}
    assert hashes == {file.path: file.sha256 for file in bundle.manifest.files}
    assert set(of_type[ComponentType.MACHINE_LEARNING_MODEL]) == set(
        bundle.manifest.artefacts.values()
    )
    assert bom.validate()


def test_the_same_bundle_gives_the_same_bytes_and_another_another_number(bundle: Bundle) -> None:
    assert rendered(bundle) == rendered(bundle)
    assert rendered(bundle)["serialNumber"] != rendered(bundle, version=2)["serialNumber"]


def test_a_release_has_one_with_the_libraries_of_the_server_too(
    tmp_path: Path, bundle: Bundle
) -> None:
    write_files(tmp_path, bundle, version=1, measured=None)
    document = json.loads((tmp_path / FILE).read_text())
    names = {component["name"] for component in document["components"]}
    assert {"uvicorn", "numpy", "model.onnx"} <= names
    lines = (tmp_path / "requirements.txt").read_text().splitlines()[2:]
    purls = {c["purl"] for c in document["components"] if c["type"] == "library"}
    assert purls == {f"pkg:pypi/{line.replace('==', '@')}" for line in lines}
