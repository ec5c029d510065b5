#!/usr/bin/env bash
# Builds and runs programs as users write them, each with the features that the documentation names.
set -euo pipefail
cd "$(dirname "$0")/../tests/programs"
export CARGO_TARGET_DIR=../../target/programs
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cargo run --quiet --locked -p user-convert -- "$folder/out"
cargo run --quiet --locked -p user-read -- "$folder/out"
cargo run --quiet --locked -p user-train -- "$folder/out"
