# Every door of the project; `make` alone lists them.
export PYTHONSAFEPATH := 1
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint types check bench train-demo clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml setup.py | $(BIN)/python
	@echo "Installing FlexServe into $(VENV) (torch is large: this takes a few minutes the first time) ..."
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --progress-bar on -e .
	@touch $@

$(VENV)/.installed-test: pyproject.toml setup.py | $(BIN)/python
	@echo "Installing FlexServe and its test tools into $(VENV) ..."
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --progress-bar on -e ".[test]"
	@touch $@ $(VENV)/.installed

demo: $(VENV)/.installed ## install, then chat with the embedded model on http://127.0.0.1:8000
	$(BIN)/flexserve serve demo --port $(PORT)

test: $(VENV)/.installed-test ## install the test tools and run the tests (about 10 minutes on 2 cores)
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.installed-test ## the tests marked slow
	$(BIN)/python -m pytest -m slow || [ $$? -eq 5 ]  # 5: none is marked

lint: $(VENV)/.installed-test ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test ## pyright
	$(BIN)/pyright --pythonpath $(BIN)/python

check: lint types test test-slow ## all that continuous integration runs

bench: $(VENV)/.installed-test ## tokens/s and tokens per LLM step, with and without speculation
	$(BIN)/python benchmarks/demo.py

train-demo: $(VENV)/.installed-test ## rebuild the embedded models into build/demo (hours on 2 cores, resumable)
	PYTHONSAFEPATH= $(BIN)/python -m training all --out build/demo  # `training` is found in this folder

clean: ## remove the virtual environment and build products
	rm -rf $(VENV) build dist *.egg-info
