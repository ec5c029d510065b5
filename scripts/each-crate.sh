#!/usr/bin/env bash
# Each crate lints by itself, with no feature and with all that need no GPU: what one crate takes for granted because another
# one asked for it fails here.
set -euo pipefail
cd "$(dirname "$0")/.."
for folder in crates/*/; do
    crate="tcolz-$(basename "$folder")"
    cargo clippy --quiet --locked -p "$crate" --no-default-features -- -D warnings
    features="$(sed -n '/^\[features\]/,/^\[lib\]/s/^\([a-z]*\) = .*/\1/p' "$folder/Cargo.toml" | grep -v '^cu' | paste -sd, || true)"
    if [ -n "$features" ]; then
        cargo clippy --quiet --locked -p "$crate" --features "$features" -- -D warnings
    fi
done
for features in "" loader candle convert inspect train serve; do
    cargo clippy --quiet --locked -p tcolz --no-default-features --features "$features" --lib -- -D warnings
done
