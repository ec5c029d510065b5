#!/usr/bin/env bash
# Types the README's story: every `tcolz` line of its sh blocks, as it stands and in its order, in a folder of its own.
# The photos are drawn ones, the weights those below TCOLZ_SHARED (../shared) or random ones; PHOTOS=folder and
# WEIGHTS=file take others.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
root=$PWD
weights=$(realpath -m "${WEIGHTS:-${TCOLZ_SHARED:-../shared}/weights/mobilenet_v2_imagenet.safetensors}")
photos=${PHOTOS:+$(realpath "$PHOTOS")}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
PATH=$root/target/release:$PATH
cd "$folder"
if [ -n "$photos" ]; then
    ln -s "$photos" photos
else
    tcolz demo demo --no-train --photos 90 >demo.txt 2>&1
    # A folder for each class, of photos that the demo stored whole: its oddities are its own affair.
    while read -r path label; do
        class=$(printf 'negative\nneutral\npositive\n' | sed -n "$((label + 1))p")
        mkdir -p "photos/$class"
        if tcolz show demo/dataset "$path" 2>&1 | grep -q 'stored'; then
            cp "demo/dump/$path" "photos/$class/$(basename "$path")"
        fi
    done < <(head -60 demo/dump/*_train.txt)
fi
if [ -f "$weights" ]; then
    ln -s "$weights" mobilenet_v2.pth
else
    echo "no weights at $weights: random ones"
    tcolz convert photos/ first/ >/dev/null
    tcolz train first/ --model mobilenet-v2 --epochs 1 --out first-run >/dev/null
    ln -s first-run/best.safetensors mobilenet_v2.pth
fi
lines=$(awk '/^```/ { typed = ($0 == "```sh"); next } typed && /^tcolz /' "$root/README.md")
[ "$(wc -l <<<"$lines")" -ge 15 ] || { echo "README.md: expected at least 15 lines to type" >&2; exit 1; }
number=0
while IFS= read -r line; do
    number=$((number + 1))
    echo "\$ $line"
    if ! eval "$line" </dev/null >"$number.out" 2>"$number.err"; then
        cat "$number.out" "$number.err" >&2
        echo "README.md: this line failed: $line" >&2
        exit 1
    fi
    [ -z "${SHOW:-}" ] || cat "$number.out" "$number.err"
done <<<"$lines"
echo "README.md: $number lines typed, none failed"
