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

.PHONY: setup lock test gpu lint pipeline tables ablations refiner-ablations chain-ablations gloss2text sign2text figures bench port lifters sparse transfer hardening mutants clean
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

# After a change of the dependencies in pyproject.toml: settles all versions again.
lock:
	uv lock
	uv export --quiet --no-hashes --no-annotate --no-header --no-emit-project --all-groups --prune torch -o requirements.txt

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not slow'

# Every kind of training on a GPU, resumed, and the whole chain: under 3 minutes there. Without a GPU all is skipped.
gpu: setup
	$(BIN)/python -m pytest -m gpu tests/gpu

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

pipeline: setup
	$(BIN)/slt run $(CONFIG) $(if $(CORPUS),--corpus '$(CORPUS)') $(if $(RUN),--run-dir '$(RUN)')

# Table 6 and Figure 7 need the folder of a finished pipeline: RUN, or runs/demo.
tables: setup
	$(EXPERIMENT) table1 table2 table3 table4 table5 table6 table7 $(if $(RUN),--run '$(RUN)')

# One change at a time: to the refiner's parts, then to the whole chain (RUN: the folder of a finished demo run, or
# runs/demo).
ablations: refiner-ablations chain-ablations

refiner-ablations: setup
	$(EXPERIMENT) ablations candidates candidates_more

chain-ablations: setup
	$(EXPERIMENT) chain $(if $(RUN),--run '$(RUN)')

# Gloss to text on PHOENIX14T's real text; CORPUS is its folder or that of its annotation. About 32 CPU minutes.
# (glibc gives large blocks back at once and asks for them again: a fifth of the time.)
gloss2text: export MALLOC_MMAP_THRESHOLD_ := 1073741824
gloss2text: export MALLOC_TRIM_THRESHOLD_ := 1073741824
gloss2text: setup
	$(EXPERIMENT) gloss2text $(if $(CORPUS),--corpus '$(CORPUS)')

figures: setup
	$(EXPERIMENT) figures $(if $(RUN),--run '$(RUN)')

sign2text: setup
	$(EXPERIMENT) sign2text

# 2D refiners on the Panoptic hands; with RUN, the folder of a finished pipeline, also what they do in the chain.
port: setup
	$(EXPERIMENT) port $(if $(RUN),refine2d --run '$(RUN)')

# Trains the learned lifters that have no weights yet (10 to 30 minutes each), then compares all. With RUN, the folder of a
# finished demo run: with its detector's errors and real detections, and a translator trained on what each lifter makes.
lifters: setup
	$(EXPERIMENT) lifters $(if $(RUN),chain_lifters lifters-page --run '$(RUN)')

# The translators of a finished run on the poses of each other's rows. RUN: its folder, or runs/demo.
transfer: setup
	$(EXPERIMENT) transfer $(if $(RUN),--run '$(RUN)')

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

# Every stage beside a peer, one thread each, in one table.
bench: export OMP_NUM_THREADS := 1
bench: setup
	$(EXPERIMENT) bench $(if $(CORPUS),--corpus '$(CORPUS)')

# Bad input, sudden ends, full disks: how many cases of each kind fail. About half an hour. MODEL: a trained model folder;
# default: the newest under runs/, or a tiny one is trained first.
hardening: setup
	$(BIN)/python -m tests.hardening $(if $(MODEL),--model '$(MODEL)')

# One token of the core modules changed at a time: which share do their tests notice? About half an hour.
mutants: setup
	$(BIN)/python -m tests.hardening.mutants

clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
