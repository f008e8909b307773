# The verbs of this repository. `make demo` needs nothing but Python >= 3.11, pip, venv and make. `make test` starts a
# Redis and a PostgreSQL of its own; on Debian, as root, it also installs them.
PYTHON ?= python3
VENV ?= .venv
BACKENDS_VENV ?= .venv-backends
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
INDEX = $${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null)}
UV = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$(INDEX)}" $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
# Python keeps what it has compiled, whoever runs this: the suite starts hundreds of interpreters.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo web test model mutants machines seeds chaos stress faults httpx2 fast canaries bench backend-check backend-load conformance conformance-check backends backends-node check lint types mypy pyright sdk-check generate diff release record lock hostile bench-generator docs pages backend clean

help: ## List the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/demo.stamp ## Watch a user stay signed in (BACKEND=http://... uses one that runs; ARGS=--help)
	@$(BIN)/python -m examples.demo $(if $(BACKEND),--backend $(BACKEND)) $(ARGS)

web: $(VENV)/demo.stamp ## Serve the two-page app at http://localhost:8000 (ARGS="--backend URL", --help)
	@$(BIN)/python -m examples.web $(ARGS)

backend: $(VENV)/demo.stamp ## Start the tutorial's backend on port 5000, with access tokens of five seconds (ARGS=--help)
	@mkdir -p build
	@$(BIN)/python -m signedin_backend --database build/backend.sqlite3 --access-ttl 5 $(ARGS)

test: $(VENV)/dev.stamp ## The whole suite
	@sh tests/system_packages.sh
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

model: $(VENV)/dev.stamp ## Explore every interleaving of the refresh, up to stated bounds
	@$(BIN)/python -m tests.model $(ARGS)

mutants: $(VENV)/dev.stamp ## Put faults into the shipped code, one at a time; a named test must notice each
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/mutants $(ARGS)

machines: $(VENV)/dev.stamp ## State machines over all four stores, with ten times the runs of the suite
	@sh tests/system_packages.sh
	@MACHINE_RUNS=250 $(BIN)/python -m pytest -n auto --dist worksteal --timeout=1800 tests/stores/test_state_machines.py $(ARGS)

seeds: $(VENV)/dev.stamp ## Ten thousand seeded runs of the async layer in virtual time (ARGS="--seed N" repeats one)
	@$(BIN)/python -m tests.seeded $(ARGS)

chaos: $(VENV)/dev.stamp ## Kill and stop processes and hosts that share a session, behind a proxy that drops and cuts
	@sh tests/system_packages.sh
	@$(BIN)/python -m tests.chaos $(ARGS)

stress: $(VENV)/dev.stamp ## The tests of concurrency, 50 times in a row (ARGS="--times 5")
	@sh tests/system_packages.sh
	@$(BIN)/python -m tests.stress $(ARGS)

faults: $(VENV)/dev.stamp ## Every fault of docs/faults.md, each with its outcome
	@$(BIN)/python -m tests.faults $(ARGS)

httpx2: $(VENV)/dev.stamp ## The tests of the auth layer with httpx2 in the place of httpx
	@$(BIN)/python -m pytest -p tests.httpx2_lane -W ignore::pytest.PytestAssertRewriteWarning -n auto --dist worksteal $(or $(FILES),tests/auth) $(ARGS)

fast: $(VENV)/dev.stamp ## The tests of the auth layer with fast=True, but for those in tests/fast_lane.py
	@$(BIN)/python -m pytest -p tests.fast_lane -W ignore::pytest.PytestAssertRewriteWarning -n auto --dist worksteal $(or $(FILES),tests/auth) $(ARGS)

canaries: $(VENV)/dev.stamp ## No secret in logs, reprs, errors and their frames, pickles, events, cassettes and the wheel
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/test_canaries.py tests/auth/test_secrecy.py tests/cassettes/test_secrets.py \
		tests/generator/test_tracebacks.py tests/packaging/test_contents.py $(ARGS)

bench: $(VENV)/dev.stamp ## Measure the figures of docs/figures.md and docs/performance.md; fail where one is missed
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/bench.stamp
	@missed=0; $(BIN)/python -m benchmarks.figures || missed=1; \
		.venv-bench/bin/python -m benchmarks.calls $(ARGS) || missed=1; exit $$missed

backend-load: $(VENV)/dev.stamp ## Load the reference backend and write the figures of docs/backend.md (ARGS=--quick)
	@sh tests/system_packages.sh
	@$(BIN)/python -m benchmarks.backend $(ARGS)

backend-check: $(VENV)/dev.stamp ## Every promise of the backend, deeper, on SQLite and a PostgreSQL of its own
	@sh tests/system_packages.sh
	@BACKEND_CHECK=1 $(BIN)/python -m pytest -n auto --dist worksteal tests/backend $(ARGS)
	@$(BIN)/python -m benchmarks.backend --judge

conformance: ## Compare with other clients on one fault server, for docs/conformance.md
	@$(MAKE) --no-print-directory VENV=.venv-conformance .venv-conformance/peers.stamp
	@.venv-conformance/bin/python -m benchmarks.conformance $(ARGS)

conformance-check: $(VENV)/dev.stamp ## Run our own columns of docs/conformance.md again, and compare
	@$(BIN)/python -m benchmarks.conformance --check $(ARGS)

backends: ## Stay signed in at the servers of docs/backends.md, started here
	@$(MAKE) --no-print-directory VENV=$(BACKENDS_VENV) $(BACKENDS_VENV)/backends.stamp
	@$(BACKENDS_VENV)/bin/python -m pytest -n auto --dist loadgroup tests/backends $(ARGS)

backends-node: ## The same at Nest, where there are node and npm
	@$(MAKE) --no-print-directory VENV=$(BACKENDS_VENV) $(BACKENDS_VENV)/backends.stamp
	@cd tests/backends/servers/nest && npm ci --silent --no-audit --no-fund --ignore-scripts && npm run --silent build
	@BACKENDS=node $(BACKENDS_VENV)/bin/python -m pytest -n auto --dist loadgroup tests/backends/test_backends.py -k "not credentials and not sign_out" $(ARGS)

check: lint types sdk-check ## Lint, types, and the generated SDK against the spec

sdk-check: $(VENV)/dev.stamp
	@$(BIN)/python -m generator check

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: mypy pyright

mypy: $(VENV)/dev.stamp
	@$(BIN)/mypy

pyright: $(VENV)/dev.stamp
	@$(BIN)/pyright --pythonpath $(BIN)/python

generate: $(VENV)/dev.stamp ## Generate sdk/ from openapi.yaml
	@$(BIN)/python -m generator generate

hostile: $(VENV)/dev.stamp ## Generate from hostile specs, put together at random (ARGS="--specs 2000 --seed 7")
	@$(BIN)/python -m tests.generator.hostile_run $(ARGS)

bench-generator: $(VENV)/dev.stamp ## Measure the figures of docs/figures-generator.md
	@$(BIN)/python -m benchmarks.generator.figures $(ARGS)

docs: $(VENV)/dev.stamp ## Build the documentation into build/site, without the network; a warning is an error
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs build/site
	@echo "open build/site/index.html"

pages: $(VENV)/dev.stamp ## Run the commands of docs/when-the-spec-changes.md again and write what they answer (ARGS=--check)
	@$(BIN)/python -m tests.generator.page $(ARGS)

diff: $(VENV)/dev.stamp ## Say what openapi.yaml changes for users since a spec (OLD=git:v1.2.0 or a file)
	@$(BIN)/python -m generator diff $(or $(OLD),git:HEAD) openapi.yaml --consumer tests/typing/consumer.py $(ARGS)

release: $(VENV)/dev.stamp ## Publish the next version (ARGS=--dry-run, or ARGS="--index-url https://...")
	@$(BIN)/python -m generator release $(ARGS)

record: $(VENV)/dev.stamp ## Record the cassettes anew against the reference backend
	@$(BIN)/python -m tests.cassettes.record

lock: $(VENV)/dev.stamp ## Compile requirements/*.txt anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(BIN)/python -m requirements.lock $(ARGS)

clean: ## Remove what the other verbs made
	rm -rf .venv* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

# One environment: the demo's packages, or the developers', which hold them. Lock files carry hashes and no index.
$(VENV)/bin/python:
	@echo "setting up $(VENV) ..." >&2
	@$(PYTHON) -c 'import sys; sys.exit("signedin needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# pip takes minutes for what uv installs in seconds, uv itself included. Where uv cannot, say from an index that only pip
# knows how to ask, pip does it all. Both check the hashes.
$(VENV)/dev.stamp: requirements/dev.txt requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	@awk '/^[a-z]/ { uv = /^uv==/ } uv' requirements/dev.txt >$(VENV)/uv.txt
	@$(PIP) --require-hashes -r $(VENV)/uv.txt
	@$(UV) -r requirements/dev.txt || $(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(VENV)/demo.stamp $@

$(VENV)/peers.stamp: requirements/conformance.txt $(VENV)/demo.stamp
	@$(PIP) --require-hashes -r requirements/conformance.txt
	@touch $@

$(VENV)/backends.stamp: requirements/backends.txt $(VENV)/dev.stamp
	@$(UV) -r requirements/backends.txt || $(PIP) --require-hashes -r requirements/backends.txt
	@touch $@

$(VENV)/bench.stamp: requirements/bench.txt $(VENV)/demo.stamp
	@$(PIP) --require-hashes -r requirements/bench.txt
	@touch $@
