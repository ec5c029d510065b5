#!/usr/bin/env bash
# tcolz serve beside Flask + ONNX Runtime under wrk, with 1, 8 and 64 clients: load.sh PHOTOS PYTHON [SECONDS]
#
# PHOTOS: a folder of JPEGs, PYTHON: one with torch, torchvision, onnx, onnxruntime, safetensors, Pillow, flask
# and gunicorn. wrk and curl are needed, and target/release/tcolz. The two take turns, three times each; medians are printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
photos=$1 python=$2 seconds=${3:-8}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
PHOTOS=$(find "$photos" -name '*.jpg' | sort | head -50)
export PHOTOS
"$python" benches/serve/make_model.py "$work" 2>/dev/null
cores=$(nproc)

target/release/tcolz serve "$work/model.safetensors" --bind 127.0.0.1:5801 >/dev/null &
# As many processes as cores, each with one thread of ONNX Runtime: the best of what was tried for throughput.
ONNX_MODEL="$work/model.onnx" ONNX_THREADS=${ONNX_THREADS:-1} \
    "$python" -m gunicorn --chdir benches/serve -w "${WORKERS:-$cores}" --threads "${THREADS:-4}" -b 127.0.0.1:5802 --log-level error flask_app:app &
for port in 5801 5802; do
    for _ in $(seq 100); do
        curl -sf -o /dev/null --data-binary "@$(head -1 <<<"$PHOTOS")" "127.0.0.1:$port/predict" && break
        sleep 0.2
    done
done
echo "the same photo, by both:"
for port in 5801 5802; do
    curl -sf --data-binary "@$(head -1 <<<"$PHOTOS")" "127.0.0.1:$port/predict"
    echo
done

for clients in 1 8 64; do
    for round in 1 2 3; do
        for port in 5801 5802; do
            result=$(wrk -t "$((clients < 2 ? 1 : 2))" -c "$clients" -d "${seconds}s" --timeout 30s -s benches/serve/post.lua "http://127.0.0.1:$port" | grep RESULT)
            echo "$clients $port $round ${result#RESULT }" >>"$work/results"
        done
    done
done
printf '\n%-8s %-22s %10s %9s %9s %7s %7s\n' clients service requests/s 'p50 ms' 'p99 ms' status failed
for clients in 1 8 64; do
    for port in 5801 5802; do
        name=$([ $port = 5801 ] && echo 'tcolz serve' || echo 'Flask + ONNX Runtime')
        # The median run by requests/s.
        line=$(grep "^$clients $port " "$work/results" | sort -n -k4 | sed -n 2p)
        read -r _ _ _ rate p50 p99 status failed <<<"$line"
        printf '%-8s %-22s %10s %9s %9s %7s %7s\n' "$clients" "$name" "$rate" "$p50" "$p99" "$status" "$failed"
    done
done
grep RssAnon "/proc/$(pgrep -f 'tcolz serve.*5801' | head -1)/status" || true
