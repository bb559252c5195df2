import json
from importlib import metadata
from pathlib import Path

import pytest

from seatrial.packaging import requirements
from seatrial.packaging.requirements import (
    RequirementMissing,
    RequirementsUnreadable,
    RequirementUnknown,
    closure,
    installed_from_files,
    model_pins,
    parse_pins,
    render_pins,
    server_pins,
)
from seatrial.registry.manifest import Role


def test_an_onnx_bundle_needs_no_framework() -> None:
    pins = model_pins(roles={Role.ONNX, Role.WIDE}, modules={"sklearn", "pandas"}, columns=True)
    assert {"onnxruntime", "numpy"} <= pins.keys()
    assert pins.keys().isdisjoint({"scikit-learn", "scipy", "joblib", "pandas", "onnx"})


def test_a_graph_of_texts_brings_what_reads_its_tokenizer() -> None:
    pins = model_pins(roles={Role.ONNX}, modules={"torch"}, columns=False, texts=True)
    assert {"numpy", "onnxruntime", "tokenizers"} <= pins.keys()
    assert "torch" not in pins


def test_a_native_bundle_needs_its_framework_exactly_as_installed() -> None:
    pins = model_pins(
        roles={Role.NATIVE}, modules={"sklearn.ensemble._gb", "builtins"}, columns=False
    )
    assert pins["scikit-learn"] == metadata.version("scikit-learn")
    assert {"scipy", "joblib", "numpy", "threadpoolctl"} <= pins.keys()
    assert pins.keys().isdisjoint({"onnxruntime", "pandas", "pytest", "matplotlib"})


def test_what_a_model_lists_is_pinned_as_far_as_it_is_here() -> None:
    listed = ("Scikit_Learn", "nowhere-at-all")
    pins = model_pins(roles={Role.NATIVE}, modules={"numpy"}, columns=False, listed=listed)
    assert pins["scikit-learn"] == metadata.version("scikit-learn")
    assert "nowhere-at-all" not in pins
    graph = model_pins(roles={Role.ONNX}, modules=(), columns=False, listed=listed)
    assert "scikit-learn" not in graph


def test_pandas_comes_only_with_columns() -> None:
    assert "pandas" in model_pins(roles={Role.NATIVE}, modules={"sklearn"}, columns=True)


def test_the_distribution_is_found_whatever_its_module_is_called() -> None:
    pins = model_pins(roles={Role.NATIVE}, modules={"xgboost.sklearn"}, columns=False)
    assert "xgboost" in pins or "xgboost-cpu" in pins


def test_packages_installed_from_files_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in (("mine", "file:///srv/mine"), ("theirs", "https://host/theirs.whl")):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "direct_url.json").write_text(json.dumps({"url": url, "dir_info": {}}))
    monkeypatch.syspath_prepend(tmp_path)
    pins = {"mine": "1.0", "theirs": "1.0", "numpy": "2.0", "not-here-at-all": "1.0"}
    assert installed_from_files(pins) == ("mine",)


def test_a_module_no_package_provides_is_named() -> None:
    with pytest.raises(RequirementUnknown) as caught:
        model_pins(roles={Role.NATIVE}, modules={"my_features.clean"}, columns=False)
    assert caught.value.facts["module"] == "my_features"


def test_a_package_that_is_not_installed_is_named_with_who_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RequirementMissing) as caught:
        closure(["no-such-package-here"])
    assert caught.value.remedy == "Run: pip install no-such-package-here"

    real = metadata.distribution

    def without_h11(name: str) -> metadata.Distribution:
        if name == "h11":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(requirements.metadata, "distribution", without_h11)
    with pytest.raises(RequirementMissing, match="'h11', which 'uvicorn' needs"):
        server_pins(native=False)


def test_pins_are_closed_under_dependencies_of_this_platform() -> None:
    pins = server_pins(native=False)
    assert {"uvicorn", "h11", "click", "starlette", "pydantic-core"} <= pins.keys()
    assert pins.keys().isdisjoint({"colorama", "pyarrow", "jinja2", "onnxruntime"})


def test_a_pickled_model_is_scanned_where_it_is_served_and_no_other_needs_the_scanner() -> None:
    assert "picklescan" in server_pins(native=True)
    assert "picklescan" not in server_pins(native=False)


def test_a_local_version_is_pinned_by_its_public_part(monkeypatch: pytest.MonkeyPatch) -> None:
    class Torch(metadata.Distribution):
        version = "2.3.0+cpu"
        requires = None

        def read_text(self, filename: str) -> None: ...

        def locate_file(self, path: object) -> None: ...  # type: ignore[override]

    monkeypatch.setattr(requirements.metadata, "distribution", lambda name: Torch())
    assert closure(["torch"]) == {"torch": "2.3.0"}


def test_pins_come_back_from_their_text() -> None:
    pins = server_pins(native=False)
    assert parse_pins(render_pins(pins)) == pins


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2",
        "--index-url http://evil.example",
        "-r other.txt",
        "evil @ http://evil.example/evil.whl",
        "numpy==2.0 --hash=sha256:0",
        "numpy==2.0 ; python_version > '3'",
        "./wheels/evil.whl",
        "numpy==",
        "",
    ],
)
def test_a_line_that_is_no_pin_is_refused(line: str) -> None:
    with pytest.raises(RequirementsUnreadable) as caught:
        parse_pins(f"numpy==2.0.0\n{line}\n")
    assert caught.value.facts["line"] == 2
