import re
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from seatrial.packaging.files import write_files
from seatrial.packaging.kubernetes import Form, KubernetesConfig
from seatrial.packaging.requirements import RequirementsUnreadable
from seatrial.packaging.sizing import Measured
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.incoming import BundleNotWritten
from seatrial.registry.manifest import BundleTampered

MEASURED = Measured(
    rss_bytes=100 << 20, cpu_per_request_s=0.001, requests_per_s=50, p95_s=0.01, start_s=1
)
PLAIN = ["deployment.yaml", "hpa.yaml", "networkpolicy.yaml", "pdb.yaml", "service.yaml"]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def release(tmp_path: Path, bundle: Bundle) -> Path:
    folder = tmp_path / "releases/on/1"
    write_files(folder, bundle, version=1, measured=None)
    return folder


def test_the_folder_holds_all_that_the_image_copies(release: Path, bundle: Bundle) -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+)", (release / "Dockerfile").read_text(), re.M)
    assert copied
    assert all((release / path).exists() for path in copied)
    assert Bundle.open(release / "bundle", digest=bundle.digest).manifest == bundle.manifest
    assert sorted(path.name for path in (release / "kubernetes").iterdir()) == PLAIN


def test_requirements_hold_the_bundles_pins_the_servers_and_the_wheel(release: Path) -> None:
    lines = (release / "requirements.txt").read_text().splitlines()
    assert lines[0] == "--find-links wheels"
    assert "numpy==2.0.0" in lines  # the bundle's pin, whatever is installed here
    assert f"uvicorn=={metadata.version('uvicorn')}" in lines
    assert not any(line.startswith("scikit-learn") for line in lines)
    wheel = next((release / "wheels").iterdir())
    name, _, version = lines[1].partition("==")
    assert wheel.name == f"{name}-{version}-py3-none-any.whl"


def test_requirements_know_nothing_of_the_model_so_that_layers_are_shared(
    tmp_path: Path, bundle: Bundle, release: Path
) -> None:
    write_files(tmp_path / "releases/on/2", bundle, version=2, measured=MEASURED)
    for path in ("requirements.txt", "healthcheck.py", ".dockerignore"):
        assert (tmp_path / "releases/on/2" / path).read_bytes() == (release / path).read_bytes()


def test_writing_again_changes_nothing(release: Path, bundle: Bundle) -> None:
    before = tree(release)
    inode = (release / "bundle/manifest.json").stat().st_ino
    write_files(release, bundle, version=1, measured=None)
    assert tree(release) == before
    assert (release / "bundle/manifest.json").stat().st_ino == inode


def test_writing_again_with_what_was_measured_changes_only_what_depends_on_it(
    release: Path, bundle: Bundle
) -> None:
    (release / "report.html").write_text("what staging found")
    before = tree(release)
    manifests = KubernetesConfig(image="registry.example")
    write_files(release, bundle, version=1, measured=MEASURED, manifests=manifests)
    after = tree(release)
    differing = {path for path in after if after[path] != before.get(path)}
    assert differing == {"Dockerfile", "compose.yaml", "kubernetes/deployment.yaml"}
    assert before.keys() == after.keys()
    pod = yaml.safe_load(after["kubernetes/deployment.yaml"])["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example/on:1"


def test_keys_lie_beside_the_compose_file_while_they_are_asked_for(
    release: Path, bundle: Bundle
) -> None:
    write_files(release, bundle, version=1, measured=None, keys="PEM")
    assert (release / "keys.pem").read_text() == "PEM"
    assert "./keys.pem:" in (release / "compose.yaml").read_text()
    write_files(release, bundle, version=1, measured=None)
    assert not (release / "keys.pem").exists()
    assert "keys.pem" not in (release / "compose.yaml").read_text()


def test_manifests_of_another_form_go_and_a_persons_own_stay(release: Path, bundle: Bundle) -> None:
    own = release / "kubernetes/secret.yaml"
    own.write_text("kind: Secret\n")
    for form in Form:
        manifests = KubernetesConfig(form=form, gateway="edge/public", namespace="models")
        write_files(release, bundle, version=1, measured=None, manifests=manifests)
        kinds = [
            document["kind"]
            for path in (release / "kubernetes").glob("*.yaml")
            for document in yaml.safe_load_all(path.read_text())
            if "kind" in document
        ]
        assert len(kinds) - kinds.count("Service") == len({*kinds} - {"Service"}), form
        assert not {"Rollout", "Deployment", "InferenceService"} <= {*kinds}
    assert own.read_text() == "kind: Secret\n"
    write_files(release, bundle, version=1, measured=None)
    assert sorted(path.name for path in (release / "kubernetes").rglob("*.yaml")) == sorted(
        [*PLAIN, "secret.yaml"]
    )


def test_a_damaged_copy_and_an_old_wheel_are_replaced(release: Path, bundle: Bundle) -> None:
    before = tree(release)
    (release / "bundle/model.onnx").write_bytes(b"other")
    (release / "wheels/seatrial-0.0.1+serving-py3-none-any.whl").write_bytes(b"old")
    (release / "healthcheck.py").write_text("exit(0)")
    write_files(release, bundle, version=1, measured=None)
    assert tree(release) == before


def test_wheels_of_a_persons_own_packages_stay(release: Path, bundle: Bundle) -> None:
    own = release / "wheels/own_features-0.1-py3-none-any.whl"
    own.write_bytes(b"mine")
    write_files(release, bundle, version=1, measured=None)
    assert own.read_bytes() == b"mine"


def test_a_damaged_bundle_makes_no_release(tmp_path: Path, bundle: Bundle) -> None:
    (bundle.path / "model.onnx").write_bytes(b"other")
    with pytest.raises(BundleTampered):
        write_files(tmp_path / "releases/on/1", bundle, version=1, measured=None)
    assert list((tmp_path / "releases/on/1").iterdir()) == []


def test_requirements_of_a_bundle_cannot_smuggle_options(tmp_path: Path, bundle: Bundle) -> None:
    contents = Contents(
        name="on",
        framework=bundle.manifest.framework,
        python="3.11.7",
        signature=bundle.signature,
        source_sha256="ab" * 32,
        artefacts={role: bundle.locate(role) for role in bundle.manifest.artefacts},
        requirements="--extra-index-url http://evil.example\n",
        golden=bundle.golden(),
        profile={},
        plan={},
    )
    with pytest.raises(RequirementsUnreadable):
        write_files(
            tmp_path / "r", Bundle.create(tmp_path / "b", contents), version=1, measured=None
        )
    assert not (tmp_path / "r").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "release/kubernetes").write_text("a file where the folder should be")
    with pytest.raises(BundleNotWritten) as caught:
        write_files(tmp_path / "release", bundle, version=1, measured=None)
    assert str(tmp_path / "release") in caught.value.problem
