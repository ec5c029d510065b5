#!/bin/sh
# Builds one fuzz target with the stable toolchain and runs it: fuzz/run.sh TARGET [SECONDS]
set -eu
cd "$(dirname "$0")"
target=${1:?decode, shard, dataset_json, ledger, tables, tar or layout}
seconds=${2:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
fixtures=../tests/fixtures
# The Parquet crate steps over a list of two billion booleans that take no bytes: see README.md.
timeout=10
[ "$target" != ledger ] || timeout=120

mkdir -p "corpus/$target" "seeds/$target" "artifacts/$target"
case $target in
    decode) find "$fixtures/decode" -type f ! -name '*.py' ! -name '*.tsv' -size -20k ;;
    shard) find "$fixtures/format_v1" -name '*.arrow' ;;
    dataset_json) find "$fixtures/format_v1" -name dataset.json ;;
    ledger) find "$fixtures/format_v1" -name ledger.parquet ;;
    tables | tar | layout) ./seeds_of_dumps.sh "$target" "seeds/$target" ;;
    *) echo "no target $target" >&2; exit 2 ;;
esac | while read -r file; do
    cp "$file" "seeds/$target/$(echo "$file" | tr / -)"
done

# What cargo-fuzz does. RUSTC_BOOTSTRAP=1 lets the stable compiler take -Z flags.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --release --target "$host" --bins

exec "target/$host/release/$target" -max_total_time="$seconds" -timeout="$timeout" -rss_limit_mb=1024 \
    -malloc_limit_mb=256 -max_len=40000 -artifact_prefix="artifacts/$target/" \
    "corpus/$target" "seeds/$target"
