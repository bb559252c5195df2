"""What the report of staging says of the version itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.packaging import staging_about as module
from seatrial.packaging.sizing import size
from seatrial.packaging.staging_about import about, said
from seatrial.packaging.staging_page import page
from seatrial.packaging.staging_report import StagingReport
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing import sign
from seatrial.registry.signing_file import signature_path
from seatrial.serving.engine import EngineKind
from seatrial.testing.models import only

HOSTILE = "<script>alert(1)</script>"


class Key:
    fingerprint = "ab12" * 16

    def sign(self, message: bytes) -> bytes:
        return message


def known(**changes: Any) -> dict[str, Any]:
    whole = {
        "framework": "scikit-learn 1.7.2",
        "engine": "onnx",
        "remote": None,
        "parity": {"passed": True, "reason": "", "n_rows": 1200, "n_labels": 0, "largest": 1.2e-7},
        "golden_rows": 20,
        "signature": {"state": "unsigned", "key": ""},
        "resources": {"cpu_m": 250, "memory_mib": 1096},
    }
    return {**whole, **changes}


@pytest.fixture
def copied(bundle: Bundle, tmp_path: Path) -> Bundle:
    """A bundle that nobody else signs, with a plan."""
    bundle.copy_to(tmp_path / "copied")
    found = Bundle.open(tmp_path / "copied")
    plan = only(EngineKind.ONNX).as_dict()
    return replace(found, manifest=replace(found.manifest, plan=plan))


def test_a_bundle_tells_its_engine_its_export_and_its_rows(copied: Bundle) -> None:
    found = about(copied, size(None))
    assert json.loads(json.dumps(found)) == found
    assert found["golden_rows"] == len(next(iter(copied.golden().outputs.values())))
    assert found["engine"] == "onnx"
    assert found["resources"] == {"cpu_m": 500, "memory_mib": 512}
    assert about(copied, None)["resources"] is None
    assert found["signature"]["state"] == "unsigned"


def test_a_signature_is_told_as_what_it_names(copied: Bundle) -> None:
    signature_path(copied.path).write_bytes(sign(copied.manifest, Key()))
    found = about(copied, None)
    assert found["signature"] == {"state": "signed", "key": Key.fingerprint}
    assert "names the key ab12ab12ab12;" in dict(said(found, "en"))["signature"]
    signature_path(copied.path).write_bytes(b"no signature")
    assert about(copied, None)["signature"]["state"] == "unreadable"


@pytest.mark.parametrize(
    ("changes", "en", "zh"),
    [
        ({}, "the same answers in 1,200 rows, largest difference 1.2e-07", "1,200 行的结果相同"),
        ({"engine": "remote", "remote": "gpu"}, "the engine gpu, a server", "引擎 gpu，在另一台"),
        ({"parity": None}, "there is none", "没有导出"),
        (
            {"parity": {**known()["parity"], "passed": False, "reason": "It differs."}},
            "not used: It differs.",
            "未采用（原文：It differs.）",
        ),
        (
            {"parity": {**known()["parity"], "n_labels": 2, "largest": None}},
            "largest difference ∞, another label in 2",
            "最大差异 ∞，其中 2 行的标签不同",
        ),
        ({}, "250 m CPU and 1,096 MiB of memory", "250 m CPU 和 1,096 MiB 内存"),
    ],
    ids=["export", "elsewhere", "no export", "unlike", "labels", "size"],
)
def test_it_is_said_in_both_languages(changes: dict[str, Any], en: str, zh: str) -> None:
    for language, words in (("en", en), ("zh", zh)):
        values = [value for _, value in said(known(**changes), language)]
        assert any(value.startswith(words) or words in value for value in values)
    assert {*module._WORDS["en"]} == {*module._WORDS["zh"]}


def test_where_nothing_is_known_nothing_is_said() -> None:
    assert list(said({}, "en")) == []
    names = [name for name, _ in said(known(resources=None), "en")]
    assert "a replica asks for" not in names


def test_the_page_and_the_text_of_a_report_tell_it() -> None:
    report = StagingReport(
        endpoint="churn", version=1, digest="d", tests=(), about=known(framework=HOSTILE)
    )
    again = StagingReport.from_dict(json.loads(json.dumps(report.as_dict())))
    assert again == report
    assert HOSTILE not in page(report)
    assert "The version" in page(report)
    assert "该版本" in page(report, "zh")
    assert "answered by: ONNX Runtime, in the server" in report.as_text()
    before = StagingReport(endpoint="churn", version=1, digest="d", tests=())
    assert "about" not in before.as_dict()  # a report as older versions of seatrial wrote it
    assert "The version" not in page(before)
