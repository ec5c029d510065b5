#!/usr/bin/env bash
# Measures and writes benches/RESULTS.md: scripts/bench.sh [DUMP]
# Environment: TTD, PEERS (their Python environment; with TCOLZ_SHARED), SECTIONS ("convert read memory size codec plan slow cold models serve build before"), BEFORE (checkout of an earlier version), and what benches/results/main.rs lists.
set -euo pipefail
cd "$(dirname "$0")/.."
absolute() { [ -z "$1" ] || realpath "$1"; }
TCOLZ_BENCH_DUMP="$(absolute "${1:-${TCOLZ_BENCH_DUMP:-}}")"
TCOLZ_BENCH_TTD="$(absolute "${TTD:-${TCOLZ_BENCH_TTD:-}}")"
TCOLZ_BENCH_VENV="$(absolute "${PEERS:-${TCOLZ_BENCH_VENV:-}}")"
TCOLZ_BENCH_BEFORE="$(absolute "${BEFORE:-${TCOLZ_BENCH_BEFORE:-}}")"
export TCOLZ_BENCH_BEFORE TCOLZ_BENCH_DUMP TCOLZ_BENCH_TTD TCOLZ_BENCH_VENV
# shellcheck disable=SC2086
exec cargo bench --locked --bench results -- ${SECTIONS:-}
