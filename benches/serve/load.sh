#!/usr/bin/env bash
# tcolz serve beside Flask + ONNX Runtime under wrk, with 1, 8 and 64 clients: load.sh TCOLZ PHOTOS ROUNDS [PYTHON]
#
# TCOLZ: the program, PHOTOS: a folder of JPEGs, PYTHON: one with torch, torchvision, onnx, onnxruntime,
# safetensors, Pillow, flask and gunicorn; without it there is no peer, and MODEL must name a model. wrk and
# curl are needed. The services take turns, ROUNDS times. Prints lines of words for benches/results/serve.rs:
#
#   quiet SHARE                                                      of its time that a busy loop got, per round
#   load SERVICE CLIENTS REQUESTS/S P50-MS P99-MS REFUSED FAILED      a run of SECONDS (8)
#   answer SERVICE JSON                                              of the first photo
#   minute SECONDS REQUESTS/S P50-MS P99-MS REFUSED FAILED MB MB MB   64 clients; memory at its begin, most, end
set -euo pipefail
cd "$(dirname "$0")/../.."
tcolz=$1 photos=$2 rounds=$3 python=${4:-}
seconds=${SECONDS_A_RUN:-8}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
PHOTOS=$(find -L "$photos" -name '*.jpg' -size -2000k | sort | awk 'NR <= 50')
export PHOTOS
first=${PHOTOS%%$'\n'*}

if [ -n "$python" ]; then
    "$python" benches/serve/make_model.py "$work" >/dev/null 2>&1
    MODEL=$work/model.safetensors
    export ONNX_MODEL=$work/model.onnx
fi
"$tcolz" serve "$MODEL" --bind 127.0.0.1:5801 >/dev/null 2>"$work/5801" &
services=(tcolz:5801)
if [ -n "$python" ]; then
    flask() { # PORT PROCESSES THREADS-OF-ONNX
        ONNX_THREADS=$3 "$python" -m gunicorn --chdir benches/serve -w "$2" --threads 4 -b "127.0.0.1:$1" --log-level error flask_app:app 2>"$work/$1" &
    }
    flask 5802 "$(nproc)" 1
    flask 5803 1 0
    services+=(flask-processes:5802 flask-threads:5803)
fi
for service in "${services[@]}"; do
    port=${service#*:}
    rm -f "$work/answer"
    for _ in $(seq 150); do
        curl -sf -o "$work/answer" -H 'Content-Type: image/jpeg' --data-binary "@$first" "http://127.0.0.1:$port/predict" && break
        sleep 0.2
    done
    [ -s "$work/answer" ] || { tail -20 "$work/$port" >&2; exit 1; }
    echo "answer ${service%:*} $(tr -d '\n' <"$work/answer")"
done

load() { # PORT CLIENTS SECONDS
    wrk -t "$(($2 < 2 ? 1 : 2))" -c "$2" -d "$3s" --timeout 30s -s benches/serve/post.lua "http://127.0.0.1:$1" |
        sed -n 's/^RESULT //p'
    # What wrk left unanswered at its end must not run on beside the next.
    sleep "$(($2 < 64 ? 1 : 4))"
}
quiet() { # What others take of the cores is missing here.
    local spin='BEGIN { for (i = 0; i < 2e7; i++); }' TIMEFORMAT='%R %U'
    { time { for _ in $(seq "$(nproc)"); do awk "$spin" & done; wait; }; } 2>&1 |
        awk -v cores="$(nproc)" '{ printf "quiet %.2f\n", $2 / $1 / cores }'
}
# What runs first must not pay for caches and clocks.
for service in "${services[@]}"; do load "${service#*:}" 8 2 >/dev/null; done
for _ in $(seq "$rounds"); do
    quiet
    for clients in 1 8 64; do
        for service in "${services[@]}"; do
            echo "load ${service%:*} $clients $(load "${service#*:}" "$clients" "$seconds")"
        done
    done
done

memory() { curl -sf http://127.0.0.1:5801/metrics | awk '$1 == "tcolz_memory_bytes" { printf "%.1f\n", $2 / 1e6 }'; }
minute=${SECONDS_OF_MINUTE:-60}
load 5801 64 "$minute" >"$work/minute" &
running=$!
# In the first seconds queues and pools find their size.
sleep $((minute / 12))
begin=$(memory)
most=$begin
while kill -0 "$running" 2>/dev/null; do
    sleep 1
    now=$(memory)
    most=$(printf '%s\n' "$most" "$now" | sort -n | tail -1)
done
echo "minute $minute $(cat "$work/minute") $begin $most $(memory)"
