import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.packaging.kubernetes import Form
from tests.packaging.kubernetes.conftest import documents, texts, validate

KUBECTL = shutil.which("kubectl")


def built(folder: Path, overlay: str, **said: Any) -> dict[str, Any]:
    """What kubectl itself makes of an overlay, by kind."""
    for path, text in texts(Form.KUSTOMIZE, **said).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(folder / "overlays" / overlay)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {document["kind"]: document for document in yaml.safe_load_all(done.stdout)}


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
@pytest.mark.parametrize("namespace", [None, "models"])
def test_production_is_the_plain_objects(tmp_path: Path, namespace: str | None) -> None:
    made = built(tmp_path, "production", namespace=namespace)
    plain = documents(Form.PLAIN, namespace=namespace)
    assert made == {document["kind"]: document for document in plain.values()}


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
def test_keys_and_a_monitor_move_with_the_namespace(tmp_path: Path) -> None:
    made = built(tmp_path, "staging", keys="a key", pod_monitor={})
    for kind in ("ConfigMap", "PodMonitor"):
        assert made[kind]["metadata"]["namespace"] == "models-staging"
    volumes = made["Deployment"]["spec"]["template"]["spec"]["volumes"]
    names = [one["configMap"]["name"] for one in volumes if "configMap" in one]
    assert names == [made["ConfigMap"]["metadata"]["name"]]


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl")
def test_staging_is_smaller_and_elsewhere(tmp_path: Path) -> None:
    made = built(tmp_path, "staging")
    assert {d["metadata"]["namespace"] for d in made.values()} == {"models-staging"}
    spec = made["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 1)
    for document in made.values():
        validate(document)


def test_an_overlay_names_the_image_that_the_base_names() -> None:
    made = documents(Form.KUSTOMIZE)
    (image,) = made["overlays/production/kustomization.yaml"]["images"]
    pod = made["base/deployment.yaml"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"{image['name']}:{image['newTag']}"


def test_the_base_names_every_file_of_its_own() -> None:
    made = documents(Form.KUSTOMIZE)
    files = {path.removeprefix("base/") for path in made if path.startswith("base/")}
    assert {*made["base/kustomization.yaml"]["resources"], "kustomization.yaml"} == files
