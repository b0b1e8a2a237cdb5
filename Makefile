# Everything that one does with a clone. `make` alone says what there is.

VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
WORKERS := 3

SEED ?= 0
REPO ?=
ARGS ?=
QUICK ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slow lint bench chromium clean

help:                        ## What there is to make
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.dev        ## Make .venv with autotroph and everything that development needs

demo: $(VENV)/.runtime       ## Watch the loop close on real code: make demo [REPO=/path/to/a/repository] [SEED=0]
	@$(BIN)/autotroph demo --seed $(SEED) $(if $(REPO),--repo "$(REPO)")

test: $(VENV)/.dev chromium  ## Run every test but the slow ones
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m "not slow"

test-slow: $(VENV)/.dev      ## Run the whole simulations and long runs
	@$(PYTEST) -n $(WORKERS) -m slow --hypothesis-profile=afresh

lint: $(VENV)/.dev           ## Check style, types, and who imports whom
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >$(VENV)/.imports || { cat $(VENV)/.imports; exit 1; }

bench: $(VENV)/.dev          ## Measure: make bench [QUICK=--quick] [ARGS="--repo /path/to/a/repository"] (docs/benchmarks.md)
	@$(BIN)/python -m benchmarks.ingest $(QUICK)
	@$(BIN)/python -m benchmarks.ingest_http $(QUICK)
	@$(BIN)/python -m benchmarks.gateway $(QUICK)
	@$(BIN)/python -m benchmarks.digest $(QUICK)
	@$(BIN)/python -m benchmarks.datasets $(QUICK)
	@$(BIN)/python -m benchmarks.replan $(QUICK)
	@$(BIN)/python -m benchmarks.sequential $(QUICK)
	@$(BIN)/python -m benchmarks.completion $(QUICK) $(ARGS)

clean:                       ## Remove what was made here: .venv, caches, built files
	@rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -f src/autotroph/faces/static/vega.js
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The browser tests drive Debian's chromium; where it cannot be had they skip, and say so.
chromium:
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing chromium for the browser tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq --yes --no-install-recommends chromium; } >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "no chromium here: the browser tests skip"

$(VENV)/.runtime: pyproject.toml hatch_build.py
	@[ -x $(BIN)/python ] || { \
	  for python in python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      echo "making $(VENV) with $$($$python --version)"; \
	      exec $$python -m venv $(VENV); \
	    fi; \
	  done; \
	  echo "autotroph needs Python 3.11 or newer with its venv module, and there is none on the PATH;"; \
	  echo "on Debian and Ubuntu: apt-get install python3 python3-venv"; \
	  exit 1; } >&2
	@echo "installing autotroph and what it needs (once; a minute or so)"
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing what development needs"
	@$(PIP) install --group dev
	@touch $@
