# make demo   set up, build the quickstart corpus from real APIs, train a small model on it
# make test   set up if need be, then the tests
# make check  formatting, lint, types, import rules, generated docs
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
QUICKSTART := examples/quickstart
PYTEST_WORKERS ?= 2

.PHONY: setup demo test test-slow check format docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ": name another with make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/forge -C $(QUICKSTART) build
	$(BIN)/forge-trainer run $(QUICKSTART)/plan.toml
	@$(BIN)/forge -C $(QUICKSTART) report > /dev/null
	@$(BIN)/forge -C $(QUICKSTART) status
	@echo
	@echo "catalogue  $(QUICKSTART)/.forge/catalog.duckdb"
	@echo "shards     $(QUICKSTART)/exports/pretrain/"
	@echo "report     $(QUICKSTART)/exports/pretrain/report.html"
	@echo "model      $(QUICKSTART)/training/model/"
	@echo
	@echo "next: $(BIN)/forge -C $(QUICKSTART) export --mix 2:1:1    another mix, from the same tokens"
	@echo "      $(BIN)/forge plugins                             what a recipe can hold"
	@echo "      $(BIN)/forge -C my-corpus init                   a recipe of your own"

test: setup
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "not slow"

test-slow: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/generate_docs.py --check

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup
	$(BIN)/python scripts/generate_docs.py

clean:
	rm -rf $(VENV) dist build $(QUICKSTART)/.forge $(QUICKSTART)/exports $(QUICKSTART)/training
