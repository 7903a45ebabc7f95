# `make pipeline` and `make test` are all that a newcomer needs; both set the environment up first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONFIG ?= $(if $(CORPUS),configs/phoenix14t.yaml,configs/demo.yaml)
CORPUS ?=
RUN ?=
export OMP_WAIT_POLICY := passive

.PHONY: setup test lint pipeline tables ablations figures lifters bench clean
setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt requirements-nodeps.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "Python 3.11 or 3.12 is needed (MediaPipe 0.10.14 has no build for others); set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	$(BIN)/pip install --quiet --no-deps -r requirements-nodeps.txt
	touch $@

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow'

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

pipeline: setup
	$(BIN)/slt run $(CONFIG) $(if $(CORPUS),--corpus '$(CORPUS)') $(if $(RUN),--run-dir '$(RUN)')

# Table 6 and Figure 7 need the folder of a finished pipeline: RUN, or runs/demo.
tables: setup
	$(BIN)/python -m experiments.refiner.run $(sort $(wildcard experiments/table*.yaml)) $(if $(RUN),--run '$(RUN)')

ablations: setup
	$(BIN)/python -m experiments.refiner.run experiments/ablations.yaml

figures: setup
	$(BIN)/python -m experiments.refiner.figures $(if $(RUN),--run '$(RUN)')

# Trains the learned lifters that have no weights yet (about 10 minutes each), then compares all. RUN, or plain errors.
lifters: setup
	$(BIN)/python -m experiments.lifters $(if $(RUN),--run '$(RUN)')

bench: setup
	$(BIN)/python -m experiments.bench

clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
