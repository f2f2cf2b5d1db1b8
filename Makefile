# `make demo`: set up and run the main job. `make test`: set up and test.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test slow lint bench clean

help:
	@echo "make demo   train a baseline and split networks on digits, report"
	@echo "make test   lint and fast tests (under five minutes)"
	@echo "make slow   all tests, the slow ones too"
	@echo "make bench  speed against the bound, as ratios"

# The pinned versions are those that demo and tests were made with.
$(STAMP): setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m bottlenet_tf.cli.demo

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

test: lint
	$(BIN)/python -m pytest

slow: lint
	$(BIN)/python -m pytest -m "slow or not slow"

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) runs
