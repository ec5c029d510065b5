#!/usr/bin/env bash
# Everything that a GPU must show, on a page, in at most eight minutes and without a network: gpu-check.sh
# In a checkout it builds what it runs and writes benches/GPU.md; in the folder that `make gpu-folder` packs it runs what lies
# beside it and writes GPU.md there. Other words go to the program (examples/gpu_check):
#   --device cpu|cuda:N  --small  --page FILE  --only SECTION,…  --seconds N
# NVIDIA's driver is the machine's; its libraries are where pip puts them, for the python3 that is found or PYTHON:
#   pip install nvidia-cublas nvidia-curand nvidia-cuda-nvrtc nvidia-cudnn-cu13
set -euo pipefail
here=$(dirname "$(realpath "$0")") python=${PYTHON:-python3}
if [ -x "$here/gpu_check" ]; then
    program=$here/gpu_check page=$here/GPU.md
else
    cd "$here/.."
    page=benches/GPU.md
    if [[ " $* " == *" --device cpu "* ]]; then
        cargo build --quiet --locked --example gpu_check
        program=${CARGO_TARGET_DIR:-target}/debug/examples/gpu_check
    else
        make --no-print-directory cuda
        program=target/cuda/cudnn/gpu_check
    fi
fi
# What this Python finds, wherever its environment lies.
libraries=$("$python" -c 'import glob, sys; print(":".join(d for p in sys.path if p for d in glob.glob(p + "/nvidia/*/lib")))' || true)
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# Gigabytes of weights come and go in the temporary folder; memory is the faster place.
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 16000000 ] 2>/dev/null; then
    export TMPDIR=/dev/shm
fi
exec timeout --kill-after=5 480 "$program" --python "$python" --page "$page" "$@"
