#!/usr/bin/env bash
# Cross-validation on TTD by its published folds: ttd.sh OUT [five|four|three …]
# The photos and the weights are found below TCOLZ_SHARED (../shared), or by TTD (a folder) and WEIGHTS (a file).
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${TCOLZ_SHARED:-../shared}
ttd=${TTD:-$shared/ttd} weights=${WEIGHTS:-$shared/weights/mobilenet_v2_imagenet.safetensors}
for path in "$ttd/folds" "$weights"; do
    if [ ! -e "$path" ]; then
        echo "make ttd: expected $path; say where the photos with their folds and the weights are:" >&2
        echo "  make ttd TTD=folder WEIGHTS=file.safetensors" >&2
        exit 1
    fi
done
exec cargo run --release --locked --example ttd -- "$ttd" "$weights" "$@"
