#!/usr/bin/env bash
# Makes targets one after the other and says how long each took: steps.sh MAKE TARGET...
set -euo pipefail
make="$1"
shift
took=""
for step in "$@"; do
    begun=$SECONDS
    "$make" --no-print-directory "$step" || { echo "make $step failed after $((SECONDS - begun)) s" >&2; exit 1; }
    took+="$(printf '%6d s  make %s' $((SECONDS - begun)) "$step")"$'\n'
done
printf '%s%6d s  in all\n' "$took" "$SECONDS"
