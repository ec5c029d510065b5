#!/usr/bin/env bash
# Builds tcolz-cuda and gpu_check for users, each below 60 MB: cuda.sh PYTHON FOLDER FEATURE
# FEATURE is cudnn, or cuda for programs without cuDNN. They are written to target/cuda/FEATURE.
set -euo pipefail
cd "$(dirname "$0")/.."
feature=$3 most=60000000
# shellcheck source=scripts/cuda/env.sh
. scripts/cuda/env.sh "$1" "$2"
cargo build --release --locked -p tcolz --features "$feature" --bin tcolz-cuda --example gpu_check
out=target/cuda/$feature
mkdir -p "$out"
for program in tcolz-cuda examples/gpu_check; do
    file=$out/$(basename "$program")
    # The profile keeps names of functions for backtraces; here they would be a third of the file.
    strip -o "$file" "target/release/$program"
    bytes=$(stat -c %s "$file")
    echo "$file: $bytes bytes"
    if [ "$bytes" -gt $most ]; then
        echo "$file is larger than $most bytes" >&2
        exit 1
    fi
done
