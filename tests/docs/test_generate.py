"""The generated pages: current, whole, and refusing what they would have to invent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

_REPORT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pages.commands import verbs
from pages.configuration import keys
from pages.errors import error_classes
from pages.metrics import families
from pages import pipelines
from pages.rollout import CHANGES, _MEANING, explore
from pages.watch import KINDS, MEANING, played
from seatrial.cli.app import root
from seatrial.cli.exits import Exit
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.config import schema
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.registry.catalog import REGISTERED
from seatrial.release.rollout import Phase
from seatrial.serving.routes import PATTERNS
from seatrial.rag.knowledge.config import KnowledgeFile
from seatrial.web.knowledge.description import ROUTES
from seatrial.wiring.knowledge_settings import AllSettings
import click
seen = explore()
print(json.dumps({
    "errors.md": [cls.code for cls in error_classes()],
    "metrics.md": [name for name, *_ in families()],
    "alerts.md": [kind for kind in KINDS if kind.startswith("alert.")],
    "events.md": [REGISTERED, *CHANGES, *KINDS, *pipelines.KINDS],
    "rollout.md": [phase.value for phase in Phase],
    "experiment.md": [f"`{key}`" for key, *_ in keys(schema(ExperimentFile))],
    "rag_config.md": [f"`{key}`" for key, *_ in keys(schema(KnowledgeFile))],
    "routes.md": [pattern.path for pattern in PATTERNS] + [path for _, path, _ in ROUTES],
    "commands.md": [f"## {context.command_path}" for context, _ in verbs()]
        + [code.name.lower() for code in Exit],
    "configuration.md": [f"`{key}`" for key, *_ in keys(schema(AllSettings))],
    "monitoring.md": [f"`{key}`" for key, *_ in keys(schema(MonitoringFile))],
    "shapes": sorted(seen.shapes), "changes": sorted(CHANGES),
    "meanings": sorted([*_MEANING, *MEANING, *pipelines.MEANING]),
    "played": sorted({fact.kind for fact in played()}), "watch": sorted(KINDS),
    "untold": [
        key for m in (AllSettings, ExperimentFile, KnowledgeFile, MonitoringFile)
        for key, _, _, text in keys(schema(m)) if not text
    ],
    "reached": sorted({m.phase.value for m in seen.moves} | {m.after.value for m in seen.moves}),
}))
"""


def in_fresh_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Importing every module here would bring the warnings of every library into these tests."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    done = in_fresh_process("-c", _REPORT, ROOT / "docs")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_generated_files_are_current():
    done = in_fresh_process(ROOT / "docs" / "generate.py", "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page",
    [
        "alerts.md",
        "commands.md",
        "configuration.md",
        "errors.md",
        "events.md",
        "experiment.md",
        "metrics.md",
        "monitoring.md",
        "rag_config.md",
        "rollout.md",
        "routes.md",
    ],
)
def test_a_page_names_everything_there_is(page, told):
    text = (REFERENCE / page).read_text(encoding="utf-8")
    assert len(told[page]) > 5
    assert [word for word in told[page] if word not in text] == []


def test_trying_everything_meets_every_fact_and_reaches_every_phase(told):
    assert told["shapes"] == told["changes"]
    assert told["reached"] == sorted(told["rollout.md"])


def test_the_history_that_is_played_holds_every_fact_of_the_watch(told):
    assert told["played"] == told["watch"]


def test_every_fact_has_a_meaning_and_no_meaning_is_left_over(told):
    assert sorted(told["events.md"]) == told["meanings"]


def test_every_key_has_a_meaning(told):
    assert told["untold"] == []


def test_a_file_that_is_not_current_is_named(tmp_path):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import generate; from pathlib import Path;"
        "generate.REFERENCE = Path(sys.argv[2]); generate.FILES = {'a.md': lambda: 'new'};"
        "check = generate.main(['--check']); write = generate.main([]);"
        "print(check, write, generate.main(['--check']), Path(sys.argv[2], 'a.md').read_text())"
    )
    done = in_fresh_process("-c", program, ROOT / "docs", tmp_path)
    assert done.stdout.split() == ["1", "0", "0", "new"]
    assert "a.md is not current" in done.stderr


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("server: {port: 9000, retention: 35d}", True),
        ("release: {steps: [{share: 0.1, watch: 1h30m}], extend: 60}", True),
        ("endpoints: {churn: {release: {gates: {against_stable: null}}}}", True),
        ("knowledge: {handbook: {documents: {sources: [{path: docs}]}}}", True),
        ("knowledge: {handbook: {}}", False),
        ("server: {prot: 9000}", False),
        ("release: {steps: []}", False),
        ("release: {gates: {dry_run: [p42]}}", False),
    ],
)
def test_the_schema_says_of_a_file_what_seatrial_says(text, valid):
    schema = json.loads((REFERENCE / "seatrial.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text)) is valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("{endpoint: a, data: log.csv, reference: b@3}", True),
        ("{endpoint: a, data: {source: log, columns: {id: [a, b]}}, reference: {source: r}}", True),
        ("{endpoint: a, windows: {every: 1h}}", True),
        ("{data: log.csv}", False),
        ("{endpoint: a, data: {sorce: log}}", False),
    ],
)
def test_the_schema_of_the_watch_says_what_seatrial_says(text, valid):
    schema = json.loads((REFERENCE / "monitoring.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text)) is valid


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ("experiment.schema.json", "experiment/experiment.yaml"),
        ("monitoring.schema.json", "monitoring/monitoring.yaml"),
        ("rag_config.schema.json", "rag_config.yaml"),
        ("seatrial.schema.json", "gateway.yaml"),
    ],
)
def test_an_example_fits_its_schema(schema, example):
    says = json.loads((REFERENCE / schema).read_text(encoding="utf-8"))
    text = (ROOT / "examples" / example).read_text(encoding="utf-8")
    jsonschema.validate(yaml.safe_load(text), says)
