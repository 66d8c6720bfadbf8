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

# What an answer names is found in the log of every hop: the id, and the trace it was asked in; refused
# answers too. Server-Timing tells of the hops when it is asked for, and only then.
trace_id=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
hop() { # service path status
    local id=trace-$RANDOM$RANDOM-$1 answered
    answered=$(command curl -s -o /dev/null -D "$work/head" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" \
        -H "X-Request-Id: $id" -H "traceparent: 00-$trace_id-b7ad6b7169203331-01" -H 'X-Server-Timing: 1' "$URL$2")
    is "$1: $2" "$3" "$answered"
    like "$1: the id comes back" "$id" "$(grep -i '^x-request-id' "$work/head")"
    like "$1: traceparent comes back" "$trace_id" "$(grep -i '^traceparent' "$work/head")"
    like "$1: Server-Timing tells of each hop" 'total;dur=[0-9.]+, redis;dur=[0-9.]+, upstream;dur=[0-9.]+, sql;dur=' \
        "$(grep -i '^server-timing' "$work/head")"
    until_true 5 grep -q "$id" "$BUREAU_DATA/log/$1.log"
    is "$1: the gateway's log has the id" 1 "$(grep -c "$id" "$BUREAU_DATA/log/gateway.log")"
    is "$1: its own log has it once, with the trace" 1 "$(grep "$id" "$BUREAU_DATA/log/$1.log" | grep -c "$trace_id")"
}
hop crm /api/clients 200
hop crm /api/clients/999999999 404
hop accounts /api/preferences 200
hop rentals /api/parks 200
hop billing /api/projects 200
hop sync /api/integrations 200
command curl -s -o /dev/null -D "$work/head" -H "Authorization: Bearer $TOKEN" "$URL/api/clients"
is "Server-Timing is not told unasked" '' "$(grep -i '^server-timing' "$work/head")"
like "an id is made where none came" '[0-9a-f-]{36}' "$(grep -i '^x-request-id' "$work/head")"
