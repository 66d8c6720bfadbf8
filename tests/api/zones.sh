#!/bin/bash
# zones.sh - totals of lists and reports around clock changes, against zone data that is not ours:
# zones.mjs, by node's Intl.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
command -v node >/dev/null || {
    skip "totals by day as other zone data sees them" "node is not installed"
    exit 0
}
register Traveller || exit 1
BASE=$URL TOKEN=$TOKEN node "$ROOT/tests/api/zones.mjs" "${SEED:-$RANDOM$RANDOM}"
