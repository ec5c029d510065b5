#!/usr/bin/env bash
# Runs the tests of the page in a real Chromium; installs what that takes where it is allowed to.
set -euo pipefail

missing=()
browser=${TCOLZ_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || missing+=(chromium)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        echo "installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
    else
        echo "the tests of the page need ${missing[*]}; install with:  sudo $install" >&2
        exit 1
    fi
fi
(cd tests/browser && npm ci --silent --no-audit --no-fund)
export TCOLZ_CHROMIUM=${browser:-$(command -v chromium)}
cargo test --locked --test serve -- --ignored --nocapture the_page_works_in_a_browser
