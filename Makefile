# `make pipeline` and `make test` are all that a newcomer needs; both set the environment up first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CONFIG ?= $(if $(CORPUS),configs/phoenix14t.yaml,configs/demo.yaml)
CORPUS ?=
RUN ?=
TORCH := $(shell sed -n '/^name = "torch"/{n;s/version = "\(.*\)"/\1/p}' uv.lock)
# Where to take torch from, for a smaller build without CUDA: make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
export OMP_WAIT_POLICY := passive
# `$(EXPERIMENT) --list` prints what there is: what each makes, needs and takes.
EXPERIMENT = $(BIN)/python -m experiments

.PHONY: setup help lock test engines gpu gpu-bench lint docs dist pipeline tables ablations refiner-ablations chain-ablations gloss2text recognition real repair-people sign2text figures sample bench port lifters sparse speed transfer hardening mutants clean
## setup: the environment .venv, with the versions of the lock file
setup: $(VENV)/.ready

# The same versions as `uv sync`, which may have made the environment. pip finds no way through the pins of JoeyNMT and
# MediaPipe, so it follows the list instead.
$(VENV)/.ready: pyproject.toml requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 12) else "Python 3.11 or 3.12 is needed (MediaPipe 0.10.14 has no build for others); set PYTHON=")'
	if grep -qs '^uv' $(VENV)/pyvenv.cfg; then UV_PROJECT_ENVIRONMENT='$(VENV)' uv sync --locked --quiet; else \
		{ test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); } && \
		$(BIN)/pip install --quiet $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') torch==$(TORCH) && \
		$(BIN)/pip install --quiet --no-deps -r requirements.txt -e .; fi
	touch $@

## help: this list
help:
	@sed -n 's/^## \([a-z0-9-]*\): /\1|/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

## lock: uv.lock and the lists for pip, after a change of the dependencies
# After a change of the dependencies in pyproject.toml: settles all versions again.
lock:
	uv lock
	uv export --quiet --no-hashes --no-annotate --no-header --no-emit-project --group dev --prune torch -o requirements.txt
	uv export --quiet --no-hashes --no-annotate --no-header --no-emit-project --only-group docs -o docs/requirements.txt

## test: the quick tests; from Python 3.12 on, or with COVERAGE=1, also which share of the code they ran
# Up to Python 3.11 a tracer measures, which makes tests of plain Python half as slow again; sys.monitoring is cheap.
COVERAGE ?=
# Compiled code is kept, whatever the environment says: each process would rewrite all assertions, 13 s of its time.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup
	measure='$(COVERAGE)'; \
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then measure=1; export COVERAGE_CORE=sysmon; fi; \
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow' $${measure:+--cov --cov-report=}

## engines: the tests of Slurm and Ray, with submitit and Ray in a folder of their own
engines: .engines/.ready
	PYTHONPATH='$(CURDIR)/.engines' $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not gpu' -k 'slurm or ray or engine' \
		tests/slt/shards tests/slt/cli/engines tests/slt/cli/corpora

.engines/.ready: $(VENV)/.ready
	if grep -qs '^uv' $(VENV)/pyvenv.cfg; then install='uv pip install'; else install='$(BIN)/python -m pip install'; fi; \
		$$install --quiet --target .engines -c requirements.txt 'submitit>=1.5.4,<2' 'ray>=2.50,<3'
	touch $@

## gpu: the tests that need a GPU
# Every kind of training on a GPU, resumed, and the whole chain: under 3 minutes there. Without a GPU all is skipped.
gpu: setup
	$(BIN)/python -m pytest -m gpu tests/gpu

## gpu-bench: what a training step costs a GPU beside its peak; without one, what can be counted
gpu-bench: setup
	$(EXPERIMENT) gpu-bench

## lint: ruff and mypy
lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

## sample: the model and the clip that come with the package, of a finished demo run (RUN, or runs/demo)
sample: setup
	$(EXPERIMENT) sample $(if $(RUN),--run '$(RUN)')

## docs: the site of docs/ in build/site
docs: setup
	if grep -qs '^uv' $(VENV)/pyvenv.cfg; then UV_PROJECT_ENVIRONMENT='$(VENV)' uv sync --locked --quiet --group docs; else \
		$(BIN)/pip install --quiet --no-deps -r docs/requirements.txt; fi
	$(BIN)/python -m scripts.command_page
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

## dist: wheel and source archive in dist/, installed and tried in an environment of their own
dist: setup
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	scripts/check_release.sh dist '$(PYTHON)' '$(TORCH)' '$(TORCH_INDEX)'

## pipeline: the whole chain of a config, from the corpus to the table (CONFIG, CORPUS, RUN)
pipeline: setup
	$(BIN)/slt run $(CONFIG) $(if $(CORPUS),--corpus '$(CORPUS)') $(if $(RUN),--run-dir '$(RUN)')

## tables: the paper's tables, with the baselines that it leaves out
# Table 6 and Figure 7 need the folder of a finished pipeline: RUN, or runs/demo.
tables: setup
	$(EXPERIMENT) table1 table2 table3 table4 table5 table6 table7 $(if $(RUN),--run '$(RUN)')

## ablations: one change at a time, to the refiner and to the chain
# One change at a time: to the refiner's parts, then to the whole chain (RUN: the folder of a finished demo run, or
# runs/demo).
ablations: refiner-ablations chain-ablations

## refiner-ablations: of the refiner's parts
refiner-ablations: setup
	$(EXPERIMENT) ablations candidates candidates_more

## chain-ablations: of the whole chain
chain-ablations: setup
	$(EXPERIMENT) chain $(if $(RUN),--run '$(RUN)')

## gloss2text: from true glosses to text on PHOENIX14T (CORPUS)
# Gloss to text on PHOENIX14T's real text; CORPUS is its folder or that of its annotation. About 32 CPU minutes.
# (glibc gives large blocks back at once and asks for them again: a fifth of the time.)
gloss2text: export MALLOC_MMAP_THRESHOLD_ := 1073741824
gloss2text: export MALLOC_TRIM_THRESHOLD_ := 1073741824
gloss2text: setup
	$(EXPERIMENT) gloss2text $(if $(CORPUS),--corpus '$(CORPUS)')

## recognition: what repair is worth to a reader of glosses (RUN, CORPUS)
# RUN: a finished run of configs/phoenix14t_resynth.yaml; CORPUS: PHOENIX14T's folder or its annotation. A recogniser a
# row, 25 minutes of a core each, and Gloss2Text.
recognition: export MALLOC_MMAP_THRESHOLD_ := 1073741824
recognition: export MALLOC_TRIM_THRESHOLD_ := 1073741824
recognition: setup
	$(EXPERIMENT) recognition --run '$(or $(RUN),runs/phoenix14t_resynth)' $(if $(CORPUS),--corpus '$(CORPUS)')

## real: lifters and repair on real people (CONFIG_REAL: a file that names yours; RUN: a demo run, for its Skeletors)
# By default the recordings that experiments/people/real.yaml names. Only ridge: $(EXPERIMENT) real --set 'recognisers=[ridge]'
CONFIG_REAL ?=
real: setup
	$(EXPERIMENT) real $(if $(RUN),--run '$(RUN)') $(if $(CONFIG_REAL),--config '$(CONFIG_REAL)')

## repair-people: errors of repair on real people as shares of a carried line's (RUN: as of real)
repair-people: setup
	$(EXPERIMENT) repair_people $(if $(RUN),--run '$(RUN)')

## figures: those of the results
figures: setup
	$(EXPERIMENT) figures $(if $(RUN),--run '$(RUN)')

## sign2text: the baseline that reads pixels
sign2text: setup
	$(EXPERIMENT) sign2text

## port: the 2D refiners side by side
# 2D refiners on the Panoptic hands; with RUN, the folder of a finished pipeline, also what they do in the chain.
port: setup
	$(EXPERIMENT) port $(if $(RUN),refine2d --run '$(RUN)')

## lifters: all lifters side by side
# Trains the learned lifters that have no weights yet (10 to 30 minutes each), then compares all. With RUN, the folder of a
# finished demo run: with its detector's errors and real detections, and a translator trained on what each lifter makes.
lifters: setup
	$(EXPERIMENT) lifters $(if $(RUN),chain_lifters lifters-page --run '$(RUN)')

## transfer: translators on the poses of each other's rows
# The translators of a finished run on the poses of each other's rows. RUN: its folder, or runs/demo.
transfer: setup
	$(EXPERIMENT) transfer $(if $(RUN),--run '$(RUN)')

## sparse: 2D on every N-th frame: errors, BLEU-4, frames/s
# 2D on every N-th frame: errors, BLEU-4, frames/s. Trains what the table needs and is not there (about 40 minutes).
# RUN: the folder of a finished demo run with --lift fast, or runs/demo.
sparse: DEMO = $(or $(RUN),runs/demo)
sparse: LIFTER = runs/lift_uplift/lifter.safetensors
sparse: AGAIN = $(BIN)/slt run configs/demo.yaml --corpus '$(DEMO)/corpus' --set gloss2text=false --set smoothers=[]
sparse: setup
	test -f $(LIFTER) || $(BIN)/slt lift train configs/lift_uplift.yaml --noise '$(DEMO)/poses/noise_broadcast.safetensors'
	$(AGAIN) --lift fast --pose-stride 4 --rows skeletor-motion --run-dir runs/demo-sparse4
	for stride in 4 2; do $(AGAIN) --pose-stride $$stride --refine none --rows raw --reuse runs/demo-sparse4 \
		--set 'lift={mode: learned, weights: $(LIFTER), upsample: token, output: sequence}' \
		--run-dir runs/demo-token$$stride || exit; done
	$(EXPERIMENT) sparse --run '$(DEMO)'

## speed: ways to estimate 2D faster, CPU time beside WER (RUN: a finished demo run)
# About 12 minutes of two idle cores; a busy machine slows all rows alike.
speed: export OMP_NUM_THREADS := 1
speed: setup
	$(EXPERIMENT) speed $(if $(RUN),--run '$(RUN)')

## bench: speed of each stage beside peers
# Every stage beside a peer, one thread each, in one table.
bench: export OMP_NUM_THREADS := 1
bench: setup
	$(EXPERIMENT) bench $(if $(CORPUS),--corpus '$(CORPUS)')

## hardening: bad input, sudden ends, full disks, hostile clients: how many cases fail
# Bad input, sudden ends, full disks, hostile clients: how many cases of each kind fail. MODEL: a trained model folder;
# default: the newest under runs/, or a tiny one is trained first.
hardening: setup
	$(BIN)/python -m tests.hardening $(if $(MODEL),--model '$(MODEL)')

## mutants: which share of changed tokens the tests notice
# One token of the core modules changed at a time: which share do their tests notice? About half an hour.
mutants: setup
	$(BIN)/python -m tests.hardening.alone.mutants

## clean: remove runs and caches
clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
