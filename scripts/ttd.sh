#!/usr/bin/env bash
# Cross-validation on TTD by its published folds: ttd.sh OUT [five|four|three …]
# As a check, in a folder of its own, skipped where the photos are missing (but on CI): ttd.sh --check
# The photos and the weights are found below TCOLZ_SHARED (../shared), or by TTD (a folder) and WEIGHTS (a file).
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
shared=${TCOLZ_SHARED:-../shared}
ttd=${TTD:-$shared/ttd} weights=${WEIGHTS:-$shared/weights/mobilenet_v2_imagenet.safetensors}
if [ "${1:-}" = --check ]; then
    if [ ! -e "$ttd/folds" ] && [ -z "${CI:-}" ]; then
        echo "skipped: $ttd/folds is not there"
        exit 0
    fi
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    scripts/ttd.sh "$folder" five
    exit
fi
for path in "$ttd/folds" "$weights"; do
    if [ ! -e "$path" ]; then
        echo "make ttd: expected $path; say where the photos with their folds and the weights are:" >&2
        echo "  make ttd TTD=folder WEIGHTS=file.safetensors" >&2
        exit 1
    fi
done
exec cargo run --release --locked --example ttd -- "$ttd" "$weights" "$@"
