#!/usr/bin/env bash
# Compiles what runs on a GPU, links tcolz-cuda and starts it without a GPU: check-cuda.sh PYTHON FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/cuda/env.sh
. scripts/cuda/env.sh "$1" "$2"

# What clippy has checked of the other crates is used again; kernels are compiled once in a target folder.
cargo clippy --locked -p tcolz --features cuda --lib --bins --example cuda_selftest --example gpu_check -- -D warnings
cargo check --locked -p tcolz --features cudnn --lib
cargo build --locked -p tcolz --features cuda --bin tcolz-cuda
scripts/cuda/no-gpu.sh target/debug/tcolz-cuda "$2"
