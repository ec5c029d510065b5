#!/usr/bin/env bash
# Runs the tests of the pages in a real Chromium; installs what that takes where it is allowed to.
# Where it is not the tests are skipped, on CI (CI=true) that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "the tests of the page are skipped: $1" >&2
    [ -z "${CI:-}" ] || exit 1
    exit 0
}
browser() {
    local name
    [ -z "${TCOLZ_CHROMIUM:-}" ] || { echo "$TCOLZ_CHROMIUM"; return; }
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name"; then return; fi
    done
}

missing=()
[ -n "$(browser)" ] || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    command -v apt-get >/dev/null || skip "${missing[*]}: not there; install with your system's package manager"
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || skip "${missing[*]}: not there; install with:  sudo $install"
        root=(sudo -n)
    fi
    echo "installing ${missing[*]}"
    "${root[@]}" apt-get update -qq || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null || skip "${missing[*]}: cannot be installed"
fi
# playwright-core drives the browser, axe-core knows the accessibility guidelines; neither brings one along.
if [ ! tests/browser/node_modules/.package-lock.json -nt tests/browser/package-lock.json ]; then
    (cd tests/browser && npm ci --silent --no-audit --no-fund) || skip "npm ci in tests/browser does not succeed"
fi
TCOLZ_CHROMIUM=$(browser)
export TCOLZ_CHROMIUM
cargo test --locked --test serve -- --ignored --nocapture the_page_works_in_a_browser
cargo test --locked --test inspection -- --ignored --nocapture the_page_fits_every_screen
cargo test --locked -p tcolz-study --lib -- --ignored --nocapture the_page_of_a_study_fits_every_screen
