#!/usr/bin/env bash
# Lists what users of the crate tcolz may rely on, by what rustdoc shows of it, in docs/public-api.txt.
#
#   scripts/public-api.sh           writes the list
#   scripts/public-api.sh --check   says what differs from it
set -euo pipefail
cd "$(dirname "$0")/.."
list=docs/public-api.txt
cargo doc --quiet --locked --no-deps -p tcolz --lib
made="$(python3 scripts/public_api.py "${CARGO_TARGET_DIR:-target}/doc/tcolz")"
if [ "${1-}" = --check ]; then
    diff -u "$list" <(echo "$made") || {
        echo "the public API is not what $list says; if that is meant:  scripts/public-api.sh, and a line in CHANGELOG.md" >&2
        exit 1
    }
else
    echo "$made" >"$list"
fi
