# spark-integrations: every task of a developer. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they compute, so there may be more workers than cores.
PARALLEL ?= --numprocesses=3 --dist=loadfile

include dev/cluster.mk

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp depends on the pins, so that a changed pin is installed and an unchanged one costs nothing.
$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is needed: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.PHONY: venv
venv: $(VENV)/.installed ## Make the Python environment in .venv

.PHONY: format
format: venv ## Format the code
	$(BIN)/ruff check --fix --quiet . && $(BIN)/ruff format --quiet .

.PHONY: check
check: venv ## Format, lint, types and layers, without changing a file
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/mypy dev
	$(BIN)/mypy bench
	$(BIN)/lint-imports --no-cache

.PHONY: test-fast
test-fast: venv tools ## The tests that need no node, and take a minute together
	$(BIN)/pytest -m "not node and not slow" --quiet $(PARALLEL)

.PHONY: test
test: check tools images gitea prometheus checkers ## Everything: checks, tests, a real node, real images
	$(BIN)/pytest -m "not node" $(PARALLEL)
	# What runs on the real node is held to seconds, so nothing else runs beside it.
	$(BIN)/pytest -m node

.PHONY: search
search: venv ## Look with thousands of new random examples for a hole in a rule, or in its property
	HYPOTHESIS_PROFILE=search $(BIN)/pytest --quiet $(PARALLEL) tests/decide tests/model tests/runner/test_judging.py

.PHONY: kills
kills: venv tools ## kill -9 the leader, KILLS times at random moments (LEASE=15 for the default Lease, SEED=…)
	$(BIN)/python -m tests.faults.kills --kills $(or $(KILLS),200) --lease $(or $(LEASE),3) $(if $(SEED),--seed $(SEED))

.PHONY: freeze
freeze: venv tools ## Freeze the leader while it dispatches, for SECONDS (default 60), and wake it
	FROZEN_SECONDS=$(or $(SECONDS),60) $(BIN)/pytest --quiet -s tests/faults/test_freezes.py -k frozen

.PHONY: outage
outage: venv tools ## Take the API server away for MINUTES (default 5); counts CPU, log lines, catching up
	OUTAGE_MINUTES=$(or $(MINUTES),5) $(BIN)/pytest --quiet -s tests/faults/test_outages.py

.PHONY: chaos
chaos: venv tools ## The operator under random faults: make chaos MINUTES=10 [SEED=1] [INTEGRATIONS=300]
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) \
	  $(if $(INTEGRATIONS),--integrations $(INTEGRATIONS))

.PHONY: conformance
conformance: venv ## Every plugin, fault and destination, with kills: make conformance [SEED=1] [KILLS=100]
	$(BIN)/python -m tests.conformance $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS))

.PHONY: bench
bench: venv tools ## Measure beside a bare client and CronJobs, into docs/performance.md; QUICK=1: small, held to ranges
	$(BIN)/python -m bench $(if $(QUICK),--quick,--page docs/performance.md)

.PHONY: bench-node
bench-node: venv tools images ## What a fetch takes on a real node beyond an empty Job, TIMES (default 10)
	$(BIN)/python -m bench.overhead --times $(or $(TIMES),10)

.PHONY: soak
soak: venv tools ## INTEGRATIONS (default 1000) every minute for MINUTES (default 30): doubles, losses, growth
	$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),30) --integrations $(or $(INTEGRATIONS),1000)

.PHONY: bench-loading
bench-loading: venv ## Load RECORDS (default 100000) into each destination, beside a bare script
	$(BIN)/python -m bench.loading --records $(or $(RECORDS),100000)

.PHONY: manifests
manifests: venv tools checkers ## Render manifests/, the Plugins and the chart's README anew from their sources
	$(BIN)/python -m spark_plugins.manifests
	"$$($(BIN)/python -c 'from dev.checkers import Checkers; print(Checkers().helm_docs)')" --chart-search-root charts --log-level warning
	HELM="$$($(BIN)/python -c 'from dev.toolchain import Toolchain; print(Toolchain().path("helm"))')" manifests/render.sh

.PHONY: pins
pins: ## Resolve the hash-pinned requirements anew from pyproject.toml (needs uv)
	for extras in "operator" "runner" "operator runner cli dev"; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --quiet pyproject.toml \
	    $$(printf -- '--extra %s ' $$extras) -o requirements/$${extras##* }.txt; \
	done
