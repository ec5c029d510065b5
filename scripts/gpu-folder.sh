#!/usr/bin/env bash
# Packs what a machine with a GPU needs for gpu-check.sh, at most 60 MB: gpu-folder.sh BUILT OUT
set -euo pipefail
cd "$(dirname "$0")/.."
built=$1 out=$2 most=60000000
rm -rf "$out"
mkdir -p "$out"
cp "$built/gpu_check" scripts/gpu-check.sh "$out"
bytes=$(du -sb "$out" | cut -f1)
echo "$out: $bytes bytes; on the machine:  gpu-check.sh"
[ "$bytes" -le $most ] || { echo "$out is larger than $most bytes" >&2; exit 1; }
