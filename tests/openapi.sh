#!/bin/bash
# openapi.sh - Redocly and Spectral judge docs/openapi.json by their recommended rules; a Postman
# collection is derived from it and run by newman against a fresh stack: every example of a body is
# sent, and accepted but for those that collection.mjs names. TAP; skipped without npm.
# tests/openapi.sh [FILE: where the collection is to be kept]
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

work=$(mktemp -d /tmp/bureau-openapi.XXXXXX) && chmod 711 "$work"
own=
finish() {
    [[ -z $own ]] || stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
mkdir "$work/npm"
cp -- "$ROOT"/tests/openapi/* "$work/npm/"
cd "$work/npm" || exit 1
command -v npm >/dev/null && timeout 500 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 >npm.log 2>&1 || {
    skip "the OpenAPI document" "npm is missing or out of reach"
    exit 0
}
cp -- "$ROOT/docs/openapi.json" .
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

timeout 120 npx --no-install redocly lint --extends=recommended --format=json openapi.json >redocly.json 2>redocly.err
is "Redocly: errors and warnings" "[0,0]" "$(jq -c '[.totals.errors, .totals.warnings]' redocly.json)"
jq -r '.problems[].ruleId' redocly.json | sort | uniq -c | sed 's/^/#   /'
printf 'extends: ["spectral:oas"]\n' >.spectral.yaml
timeout 200 npx --no-install spectral lint --format json --quiet openapi.json >spectral.json 2>spectral.err
is "Spectral: errors and warnings" 0 "$(jq 'map(select(.severity <= 1)) | length' spectral.json)"
jq -r '.[] | "\(.code) \(.severity)"' spectral.json | sort | uniq -c | sed 's/^/#   /'
# They must be able to find something: a reference to nothing.
jq '.paths["/api/clients"].get.responses["200"] = {"$ref": "#/components/responses/None"}' openapi.json >wrong.json
timeout 120 npx --no-install redocly lint --extends=recommended --format=json wrong.json >wrong.out 2>/dev/null
[[ $(jq .totals.errors wrong.out) -gt 0 ]] && ok "a planted mistake is found" || not_ok "a planted mistake is found"

node collection.mjs openapi.json >collection.json
[[ -z ${1:-} ]] || cp -- collection.json "$1"
asked=$(jq '[.. | objects | select(.request?)] | length' collection.json)
operations=$(jq '[.paths[] | keys[] | select(IN("get","post","put","patch","delete"))] | length' openapi.json)
is "the collection asks every operation, and signs up" $((operations + 1)) "$asked"
if [[ -z ${URL:-} ]]; then
    own=1
    stack_up "$work/stack" || exit 1
fi
timeout 900 npx --no-install newman run collection.json --env-var "base=$URL" --reporters json \
    --reporter-json-export newman.json >newman.log 2>&1
refused=$(jq -r '[.run.executions[] | select(.response.code >= 300) | .item.name] | unique | join(" ")' newman.json)
echo "# newman: $(jq -c '.run.stats | {requests, assertions}' newman.json), accepted:" \
    "$(jq '[.run.executions[] | select(.response.code < 300)] | length' newman.json); refused, as collection.mjs says why: $refused"
is "newman: failed assertions" 0 "$(jq '.run.stats.assertions.failed + .run.stats.requests.failed' newman.json)"
jq -r '.run.failures[] | "\(.source.name): \(.error.message)"' newman.json | head -30 | sed 's/^/#   /'
