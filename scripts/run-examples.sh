#!/usr/bin/env bash
# Runs every example on made-up photos, so that none of them rots.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo build --quiet --release --locked
target/release/tcolz demo "$folder/demo" --photos 30 >/dev/null 2>&1
cargo run --quiet --locked --example convert_folder -- "$folder/demo/dump" "$folder/out"
cargo run --quiet --locked --example read_shard -- "$folder/out"
cargo run --quiet --locked --example stream -- "$folder/out"
# Stopped after two steps, then gone on with.
example="$PWD/target/debug/examples/candle_loop"
cargo build --quiet --locked --example candle_loop
(cd "$folder" && "$example" "$folder/out" 2 && "$example" "$folder/out" | tee loop.txt)
grep -q "^goes on with epoch 0 behind 16 photos" "$folder/loop.txt"
scripts/gpu-check.sh --small --device cpu --page "$folder/GPU.md"
for heading in Machine Operation Batches Training "A run" "From the host" "Six configurations" "Numbers of 16 bits"; do
    grep -q "^## $heading" "$folder/GPU.md" || { echo "GPU.md has no section $heading" >&2; exit 1; }
done
