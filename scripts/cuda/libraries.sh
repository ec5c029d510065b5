#!/usr/bin/env bash
# Makes what stands for NVIDIA's libraries when a program is linked: libraries.sh FOLDER
# The functions are those that the crate cudarc names; `open.c` says how they are found when the program runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1 sources=scripts/cuda
if [ -z "$(find $sources scripts/cuda-requirements.txt Cargo.lock -newer "$folder/ready" 2>/dev/null || echo new)" ]; then
    exit 0
fi
mkdir -p "$folder"
version=$(sed -n 's/^#define CUDA_VERSION \([0-9]*\)$/\1/p' "$CUDA_HOME/include/cuda.h")
major=$((version / 1000))
cudarc=$(cargo metadata --locked --format-version 1 --all-features |
    grep -o '"manifest_path":"[^"]*/cudarc-[^"/]*/Cargo.toml"' | cut -d'"' -f4)
cc -O2 -fPIC -Wall -Wextra -DFOR_CUDA="$version" -c $sources/open.c -o "$folder/open.o"

# The name to the linker, cudarc's module, the file, what pip calls it. A library stands behind those that it needs.
place=0
while read -r name module file package; do
    functions="$PWD/$folder/$name.functions"
    # The three that open.c has itself.
    sed -n 's/^            fn \([A-Za-z0-9_]*\)(.*/FUNCTION(\1)/p' "$(dirname "$cudarc")/src/$module/sys/mod.rs" | sort -u |
        grep -vxE 'FUNCTION\((cuInit|cuGetErrorString|cuGetErrorName)\)' >"$functions"
    cc -O2 -fPIC -Wall -Wextra -DFILE_NAME="\"$file\"" -DPACKAGE="\"$package\"" -DPLACE=$place -DFUNCTIONS="\"$functions\"" \
        -c $sources/library.c -o "$folder/$name.o"
    rm -f "$folder/lib$name.a"
    ar rcs "$folder/lib$name.a" "$folder/$name.o" "$folder/open.o"
    place=$((place + 1))
done <<END
cuda driver libcuda.so.1
nvrtc nvrtc libnvrtc.so.$major nvidia-cuda-nvrtc==$major.*
cublasLt cublaslt libcublasLt.so.$major nvidia-cublas==$major.*
cublas cublas libcublas.so.$major nvidia-cublas==$major.*
curand curand libcurand.so.10 nvidia-curand==10.*
cudnn cudnn libcudnn.so.9 nvidia-cudnn-cu$major
END
# Candle's kernels for quantised networks need the runtime, which is linked in.
cp "$CUDA_HOME/lib/libcudart_static.a" "$folder/libcudart.a"
# Else the file would start only where the C++ library is.
cp "$(c++ -print-file-name=libstdc++.a)" "$folder"
touch "$folder/ready"
