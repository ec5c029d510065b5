# `make demo` and `make test` do all the set-up on a fresh machine; `make check` is what CI runs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
CUDA_VENV := .venv-cuda
# 0: without cuDNN, whose convolutions are then those of Candle, slow and large.
CUDNN ?= 1
CUDA_FEATURE := $(if $(filter 0,$(CUDNN)),cuda,cudnn)
export TCOLZ_PYTHON := $(CURDIR)/$(VENV)/bin/python

.PHONY: help demo readme ttd study test test-browser test-long check check-long check-cuda check-ttd tools fmt clippy api crates cuda cuda-release gpu-folder programs optimised docs examples bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

demo: tools ## a made-up dump through every stage, in demo-out/
	cargo build --release --locked
	target/release/tcolz demo demo-out

readme: tools ## type the README's commands, as they stand: make readme PHOTOS=folder WEIGHTS=file
	cargo build --release --locked
	PHOTOS="$(PHOTOS)" WEIGHTS="$(WEIGHTS)" scripts/readme.sh

test: tools $(VENV)/ready ## every test, those against pyarrow, DuckDB and Pillow included
	cargo test --locked

test-browser: tools ## the page of tcolz serve in a real Chromium
	scripts/browser.sh

ttd: tools ## cross-validate on real tweet photos with real weights, in ttd-out/: make ttd TTD=folder WEIGHTS=file
	TTD="$(TTD)" WEIGHTS="$(WEIGHTS)" scripts/ttd.sh ttd-out

study: tools ## compare three models on made-up photos and real tweets, in study-out/: make study TTD=folder WEIGHTS=file
	cargo build --release --locked
	TTD="$(TTD)" WEIGHTS="$(WEIGHTS)" scripts/study.sh study-out

# Two tiers. `check`: everything once, one kill of each kind; at most 45 minutes on two cores. `check-long`: hundreds of kills,
# thousands of damages, each crate by itself; before an issue is closed.
CHECK := fmt clippy api check-cuda test programs test-browser demo readme check-ttd docs examples
CHECK_LONG := crates optimised cuda-release test-long

check: ## all that CI does; says how long each step took
	@scripts/steps.sh "$(MAKE)" $(CHECK)

check-long: ## what takes longer than CI; says how long each step took
	@scripts/steps.sh "$(MAKE)" $(CHECK_LONG)

test-long: tools $(VENV)/ready
	cargo test --locked --no-fail-fast -- --ignored long_

# What users may rely on is listed in docs/public-api.txt, so that a change of it is seen.
api: tools
	scripts/public-api.sh --check

# Each crate by itself, with and without its features.
crates: tools
	scripts/each-crate.sh

programs: tools ## programs as users write them, each with the features that it needs
	scripts/programs.sh

fmt:
	cargo fmt --all --check

clippy: tools
	cargo clippy --locked --all-targets -- -D warnings

check-cuda: tools ## compile what runs on a GPU, with NVIDIA's compiler from PyPI, and start it without one
	scripts/check-cuda.sh "$(PYTHON)" "$(CUDA_VENV)"

cuda: tools ## tcolz-cuda, the command for a GPU, in target/cuda/: make cuda CUDNN=0 for one without cuDNN
	scripts/cuda.sh "$(PYTHON)" "$(CUDA_VENV)" $(CUDA_FEATURE)

gpu-folder: cuda ## a folder for a machine with a GPU, with everything that scripts/gpu-check.sh needs
	scripts/gpu-folder.sh target/cuda/$(CUDA_FEATURE) target/cuda/gpu-check

# What users get, with and without cuDNN: their size, and what they say without a GPU.
cuda-release: tools
	$(MAKE) --no-print-directory cuda CUDNN=0
	scripts/cuda/no-gpu.sh target/cuda/cuda/tcolz-cuda "$(CUDA_VENV)"
	$(MAKE) --no-print-directory gpu-folder CUDNN=1
	scripts/cuda/no-gpu.sh target/cuda/cudnn/tcolz-cuda "$(CUDA_VENV)"

# Users run optimised code. `test` optimises the crates that have kernels; this optimises all.
optimised: tools
	cargo test --locked --release --lib

docs: tools
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

examples: tools
	cargo build --locked --examples
	scripts/run-examples.sh

# What a head learns from real weights and real photos must be as good as a logistic regression.
check-ttd: tools
	scripts/ttd.sh --check

bench: tools ## measure against libjpeg-turbo alone and write benches/RESULTS.md: make bench DUMP=folder
	scripts/bench.sh "$(DUMP)"

tools:
	@scripts/tools.sh

$(VENV)/ready: tests/python/requirements.txt
	@scripts/python.sh "$(PYTHON)" "$(VENV)" tests/python/requirements.txt

clean: ## remove what was built here
	rm -rf target $(VENV) $(CUDA_VENV) demo-out ttd-out study-out
