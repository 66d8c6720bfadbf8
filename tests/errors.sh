#!/bin/bash
# errors.sh - runs the commands of docs/errors.md as printed and compares each status. TAP; with a
# running stack (URL), or one of its own.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-errors.XXXXXX) && chmod 711 "$work"
own=
finish() {
    [[ -z $own ]] || stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
if [[ -z ${URL:-} ]]; then
    own=1
    stack_up "$work/stack" || exit 1
fi
register errors || exit 1
http POST /api/tokens "$TOKEN" '{"name": "reader", "abilities": ["clients:read"]}'
READER=$(jq -r .token <<<"$BODY")
BASE=$URL

# As printed, but silent, as JSON, and with the status kept.
curl() {
    local json=(-H 'Content-Type: application/json')
    command curl -s -m 30 -H 'Accept: application/json' "${json[@]}" -D "$work/head" "$@"
    awk 'toupper($1) ~ /^HTTP/ { s = $2 } END { print s }' "$work/head" >"$work/status"
}
kind= ran=0
while IFS= read -r line; do
    if [[ $line == '## '* ]]; then
        kind=${line#'## '}
    elif [[ $line == '    BASE='* || $line == '    READER='* ]]; then
        continue
    elif [[ $line == '    '* ]]; then
        wanted=
        [[ ! $line =~ \#\ ([0-9]{3})$ ]] || wanted=${BASH_REMATCH[1]}
        : >"$work/status"
        eval "${line%# [0-9][0-9][0-9]}" >"$work/out" 2>&1
        [[ -n $wanted ]] || continue
        ran=$((ran + 1))
        is "$kind: ${line:4:60}" "$wanted" "$(cat "$work/status")"
        [[ $wanted -lt 400 ]] || grep -qi '^x-request-id:' "$work/head" || not_ok "$kind: it carries X-Request-Id"
    fi
done <"$ROOT/docs/errors.md"
((ran >= 20)) && ok "the document has its commands ($ran)" || not_ok "the document has its commands" "$ran"

# The id of an answer is found in the log of every hop.
http GET /api/clients "$TOKEN"
id=trace-$RANDOM$RANDOM
trace=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
command curl -s -o /dev/null -D "$work/head" -H "Authorization: Bearer $TOKEN" -H "X-Request-Id: $id" -H "traceparent: $trace" \
    -H 'X-Server-Timing: 1' "$URL/api/clients"
like "the id comes back" "$id" "$(grep -i '^x-request-id' "$work/head")"
like "traceparent comes back" 0af7651916cd43dd8448eb211c80319c "$(grep -i '^traceparent' "$work/head")"
like "Server-Timing tells of each hop when asked for" 'upstream;dur=.*sql;dur=' "$(grep -i '^server-timing' "$work/head")"
sleep 0.5
for hop in gateway crm; do
    is "the id stands in the log of $hop" 1 "$(grep -c "$id" "$BUREAU_DATA/log/$hop.log")"
done
