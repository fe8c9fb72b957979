# Everything is done in .venv, which is made and kept up to date as needed.
# make run [PORT=8000] [PYTHON=python3.12]

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install -c constraints.txt
DECLARED := pyproject.toml constraints.txt
# Tests of one file share what is dear, such as a server, so files are what is dealt out: in the order
# of their names, by which those that wait come before those that reckon, to one process more than
# there are cores.
PROCESSES := $(shell expr $$(nproc) + 1)
BESIDE := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
PLAYER := edge/web/pages/assets
BROWSER := tests/browser

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint bench fuzz lock clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed $(PLAYER)/node_modules/.installed ## serve ./media, with demo recordings if it is empty (PORT=8000)
	@test -n "$$(find media -type f -print -quit 2>/dev/null)" || \
		$(BIN)/python deploy/demo.py media >/dev/null
	@EDGE_DEMO=1 exec $(BIN)/audio-edge serve --root media --data data --port $(PORT)

test: lint $(PLAYER)/node_modules/.installed $(BROWSER)/node_modules/.installed ## everything that must hold: lint, types, architecture, tests
	@$(BIN)/python -m pytest $(BESIDE)

lint: $(VENV)/.installed-dev ## ruff, mypy, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy --strict -p edge -p transforms -p cache -p bench -p deploy
	@$(BIN)/lint-imports

bench: $(VENV)/.installed-bench ## measure against FFmpeg and nginx, write bench/SCOREBOARD.md (15 minutes)
	@$(BIN)/python -m bench

fuzz: $(VENV)/.installed-dev ## feed mutated media to workers for ten minutes (SECONDS=600, SEED=...)
	@$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

lock: $(BIN)/python ## write constraints.txt anew: the newest versions that pyproject.toml allows
	@rm -rf $(VENV)/lock
	@$(BIN)/python -m venv $(VENV)/lock
	@echo "Resolving..."
	@$(VENV)/lock/bin/python -m pip --quiet --disable-pip-version-check --no-input \
		install '.[dev,bench,postgres]'
	@{ echo "# Exact versions of all that .[dev,bench,postgres] needs; 'make lock' writes this file."; \
		$(VENV)/lock/bin/python -m pip --disable-pip-version-check freeze \
			--exclude-editable --exclude audio-edge; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt
	@rm -rf $(VENV)/lock

clean: ## remove what make made, but neither ./media nor ./data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf bench/results *.egg-info $(PLAYER)/node_modules $(BROWSER)/node_modules
	@find edge transforms cache bench deploy tests -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON): apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11: make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make environments: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV)..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(DECLARED) | $(BIN)/python
	@echo "Installing audio-edge..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(DECLARED) | $(BIN)/python
	@echo "Installing audio-edge and what its tests need..."
	@$(INSTALL) -e '.[dev]'
	@touch $(VENV)/.installed $@

# Without it the browser tests are skipped, and fail in CI.
$(BROWSER)/node_modules/.installed: $(BROWSER)/package.json $(BROWSER)/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing what the browser tests need..."; \
		npm --prefix $(BROWSER) ci --ignore-scripts --silent && touch $@; \
	else \
		echo "There is no npm, so there will be no browser tests."; \
	fi

# The player page works without it, so no failure here is one of make's.
$(PLAYER)/node_modules/.installed: $(PLAYER)/package.json $(PLAYER)/package-lock.json
	@if ! command -v npm >/dev/null; then \
		echo "There is no npm, so the player page will use the browser's own controls."; \
	elif echo "Installing the player..." && npm --prefix $(PLAYER) ci --ignore-scripts --silent; then \
		touch $@; \
	else \
		echo "npm failed, so the player page will use the browser's own controls."; \
	fi

$(VENV)/.installed-bench: $(DECLARED) | $(BIN)/python
	@echo "Installing audio-edge and what its benches need..."
	@$(INSTALL) -e '.[bench]'
	@touch $(VENV)/.installed $@
