#!/bin/bash
# answers.sh - holds what the tests were answered (BUREAU_EXCHANGES) against the document. TAP; skipped
# without npm. tests/answers.sh OPENAPI_JSON EXCHANGES
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-answers.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM
cp -- "$ROOT"/tests/answers/* "$work/"
(cd "$work" && command -v npm && timeout 200 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0) >"$work/npm.log" 2>&1 || {
    skip "answers and the document" "npm is missing or out of reach"
    exit 0
}
[[ -s $1 && -s $2 ]] || {
    not_ok "answers were kept, and the document"
    exit 1
}
# It must be able to find something: an answer that the document does not know.
head -n 200 "$2" >"$work/planted"
printf '%s\n' '{"status":200,"verb":"GET","target":"/api/tags","sent":null,"type":"application/json","body":"{\"pagination\":{},\"data\":[]}"}' \
    '{"status":418,"verb":"GET","target":"/api/user","sent":null,"type":"application/json","body":"{}"}' \
    '{"status":200,"verb":"GET","target":"/api/tokens","sent":null,"type":"application/json","body":"{\"data\":[],\"more\":9223372036854775808}"}' >>"$work/planted"
found=$(node "$work/answers.mjs" "$1" "$work/planted" | grep -cE '^#   [0-9]+ × (get /api/tags 200: |get /api/user: 418 |get /api/tokens 200: a number)')
is "planted mistakes are found" 3 "$found"
node "$work/answers.mjs" "$1" "$2"
