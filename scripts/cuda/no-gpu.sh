#!/usr/bin/env bash
# Starts tcolz-cuda with pretended drivers and without libraries, and looks at what it says: no-gpu.sh PROGRAM FOLDER
# FOLDER is the environment that NVIDIA's libraries are installed in.
set -euo pipefail
program=$(realpath "$1") libraries=$(realpath "$2")
stub=$(realpath "$(dirname "$0")")/stub.c
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT

driver() { # NAME DEVICES VERSION
    mkdir "$1"
    cc -shared -fPIC -DDEVICES="$2" -DVERSION="$3" -Wl,-soname,libcuda.so.1 "$stub" -o "$1/libcuda.so.1"
}
driver none 0 13000
driver one 1 13000
driver old 1 12040
mkdir empty
echo nothing >empty/libcuda.so.1

# Environments of the user's own are hidden, so that no library is found in them.
with() { # DRIVER ARGUMENT…
    local driver=$1
    shift
    env -u CONDA_PREFIX VIRTUAL_ENV="${environment:-}" HOME="$PWD" LD_LIBRARY_PATH="$PWD/$driver" "$program" "$@"
}
expect() { # CODE WORDS DRIVER ARGUMENT…
    local code=0 said
    said=$(with "${@:3}" 2>&1) || code=$?
    if [ "$code" != "$1" ] || ! grep -qE "$2" <<<"$said"; then
        printf 'tcolz-cuda %s\n  expected the exit code %s and: %s\n  found the exit code %s and:\n%s\n' "${*:4}" "$1" "$2" "$code" "$said" >&2
        exit 1
    fi
}
refused() { # WORDS DRIVER DEVICE
    expect 1 "^error: .*$1" "$2" train small --model mobilenet-v2 --epochs 1 --out "refused" --device "$3"
}

expect 0 '^tcolz-cuda [0-9]' none --version
expect 0 'train' none demo demo --photos 30 --no-train
expect 0 'small' none convert demo/dump small --size 32 --max-bad 50
expect 0 'mean' none inspect small
expect 0 'no CUDA-capable device' none train small --model mobilenet-v2 --epochs 1 --out run
refused 'no CUDA-capable device' none cuda:0
refused 'no NVIDIA driver: libcuda.so.1 cannot be opened' empty cuda:0
refused 'libcuda.so.1\) knows CUDA up to 12.4.* needs 13' old cuda:0
# A machine that has the libraries in the system's own folders has none that are missing.
if ! ldconfig -p | grep -q 'libcublas\.so\.13'; then
    refused "lib(nvrtc|cublas|cublasLt|curand|cudnn)\.so\.[0-9]+ is missing; install:  pip install 'nvidia-" one cuda:0
fi
environment=$libraries
# A program with cuDNN asks for it, too, which that environment may lack.
refused 'out of memory|libcudnn\.so\.9 is missing' one cuda:0
refused 'expected a number below 1|libcudnn\.so\.9 is missing' one cuda:7
echo "tcolz-cuda works without a GPU and says what is missing"
