#!/usr/bin/env bash
# Finds what the build needs beyond cargo, installs it where that is allowed, or names the command to type.
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc)
command -v make >/dev/null || missing+=(make)
command -v cmake >/dev/null || missing+=(cmake) # builds libjpeg-turbo
command -v nasm >/dev/null || missing+=(nasm)   # its SIMD code

if ! command -v cargo >/dev/null; then
    echo "tcolz needs cargo (Rust 1.89 or newer): see https://rustup.rs" >&2
    exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y ${missing[*]}"
if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
else
    echo "tcolz needs ${missing[*]}; install with:  sudo $install" >&2
    echo "(or the packages of these names of your system)" >&2
    exit 1
fi
