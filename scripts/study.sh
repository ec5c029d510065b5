#!/usr/bin/env bash
# The small study: study.sh OUT (make study)
# Photos and weights are found below TCOLZ_SHARED (../shared), or by TTD (a folder) and WEIGHTS (a file).
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
out=${1:?usage: study.sh OUT}
shared=${TCOLZ_SHARED:-../shared}
ttd=${TTD:-$shared/ttd} weights=${WEIGHTS:-$shared/weights/mobilenet_v2_imagenet.safetensors}
for path in "$ttd/folds" "$weights"; do
    if [ ! -e "$path" ]; then
        echo "make study: expected $path; say where the photos with their folds and the weights are:" >&2
        echo "  make study TTD=folder WEIGHTS=file.safetensors" >&2
        exit 1
    fi
done
tcolz=target/release/tcolz
mkdir -p "$out"
$tcolz demo "$out/demo" --no-train >"$out/demo.txt"
text_scores=$(find "$out/demo/dump" -name '*.tsv' | head -1)
# Its odd lines are those of real dumps: a tenth may be bad.
$tcolz convert "$out/demo/dump" "$out/drawings.tcolz" --size 96 --max-bad 10% --text-scores "$text_scores"
$tcolz convert "$ttd" "$out/ttd.tcolz" --size 224 --size 96 --make-splits 60/10/30
ln -sfn "$(realpath "$weights")" "$out/mobilenet_v2.safetensors"
ln -sfn "$(realpath "$ttd/folds")" "$out/folds"
cp examples/study-small.toml "$out/study.toml"
exec $tcolz study "$out/study.toml" --out "$out/report"
