#!/usr/bin/env bash
# Makes a Python environment: python.sh PYTHON FOLDER REQUIREMENTS
set -euo pipefail
python=$1 folder=$2 requirements=$3

if ! command -v "$python" >/dev/null || ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    install="apt-get install -y python3 python3-venv"
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        echo "installing python3 and python3-venv"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
        python=python3
    else
        echo "tcolz's checks need Python with venv; install it with:  sudo $install" >&2
        exit 1
    fi
fi
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
echo "installing what $requirements names into $folder (once)"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
touch "$folder/ready"
