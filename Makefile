# Ayumi. `make help` lists what there is. Needs Python 3.11+, make and the network of package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench docs lock browser audit faults matrix

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(VENV)/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ayumi needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/pip install --quiet --quiet --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/run.stamp  ## a small district to play with, on http://127.0.0.1:8000
	AYUMI_DATA_DIR=var/demo $(BIN)/ayumi serve --demo

test: $(VENV)/dev.stamp browser  ## every test, on SQLite, PostgreSQL and in a browser
	$(BIN)/python -m pytest -n 2

check: $(VENV)/dev.stamp browser  ## what CI runs: format, lint, types, layers, audit, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tests.audit
	$(BIN)/python -m pytest -n 2

format: $(VENV)/dev.stamp  ## put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: $(VENV)/dev.stamp  ## known vulnerabilities of what is pinned, where an advisory service can be asked
	$(BIN)/python -m tests.audit

bench: $(VENV)/dev.stamp  ## each a ratio to a named floor measured in the same run
	$(BIN)/python -m benchmarks

matrix: $(VENV)/dev.stamp  ## write docs/role-matrix.md: what each role is shown, found out by asking for it
	$(BIN)/python -m tests.matrix

faults: $(VENV)/dev.stamp  ## break it in every way under load, for a quarter of an hour
	$(BIN)/python -m tests.faults

browser: $(VENV)/dev.stamp  ## a Chromium for the browser tests, where there is none yet
	@$(BIN)/python -m tests.browser.install

COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet

docs: $(VENV)/run.stamp  ## write what the catalogue of metrics says into the glossary
	$(BIN)/python -m knowledge.questions.glossary docs/glossary.md

lock: $(VENV)/dev.stamp  ## pin the newest versions that fit pyproject.toml, with hashes and without addresses
	$(COMPILE) --upgrade --group dev -o requirements-dev.lock
	$(COMPILE) --group build -c requirements-dev.lock -o requirements.lock
