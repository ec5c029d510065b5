# NVIDIA's compiler from PyPI for the scripts that build for a GPU; to be sourced with PYTHON and FOLDER, the environment
# that it is installed into. No GPU and no driver is needed. CUDA_COMPUTE_CAP is that of the cards that the kernels are
# compiled for (80: Ampere and newer; the driver compiles them again for the card).
python=$1 folder=$2

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "skipped: what is built for a GPU here is for Linux on x86-64" >&2
    exit 0
fi
if ! command -v c++ >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        echo "installing g++"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y g++ -qq >/dev/null
    else
        echo "nvcc needs a C++ compiler; install it with:  sudo apt-get install -y g++" >&2
        exit 1
    fi
fi
if [ ! "$folder/ready" -nt scripts/cuda-requirements.txt ]; then
    scripts/python.sh "$python" "$folder" scripts/cuda-requirements.txt
fi
CUDA_HOME=$(echo "$PWD/$folder"/lib/python3*/site-packages/nvidia/cu13)
if [ ! -x "$CUDA_HOME/bin/nvcc" ]; then
    echo "expected NVIDIA's compiler at $CUDA_HOME/bin/nvcc; begin anew with:  rm -r $folder" >&2
    exit 1
fi
export CUDA_HOME CUDA_PATH="$CUDA_HOME" CUDA_ROOT="$CUDA_HOME" PATH="$CUDA_HOME/bin:$PATH"
export CUDA_COMPUTE_CAP="${CUDA_COMPUTE_CAP:-80}"
# Candle's build script takes half of the cores unless told otherwise.
export CUDAFORGE_THREADS="${CUDAFORGE_THREADS:-$(nproc)}"
# The linker finds what stands for NVIDIA's libraries here.
scripts/cuda/libraries.sh target/cuda/link
export LIBRARY_PATH="$PWD/target/cuda/link"
