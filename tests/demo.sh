#!/bin/bash
# demo.sh - deploy/up --demo as people meet it: what it prints works as printed, its data is delivered
# to the stand-ins, it starts again without doubling anything, and deploy/down --demo ends all of it.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-demo.XXXXXX) && chmod 711 "$work"
bin=${BUREAU_BIN:-$ROOT/build/bin}
unset ${!BUREAU_@}
export BUREAU_BIN=$bin BUREAU_DATA=$work/var BUREAU_PG_CONF="fsync = off"
BUREAU_PORT=$(free_port) BUREAU_DEMO_PORT=$(free_port)
export BUREAU_PORT BUREAU_DEMO_PORT
find_run
TOKEN= FAKE=http://127.0.0.1:$BUREAU_DEMO_PORT
trap '"$ROOT/deploy/down" --demo >/dev/null 2>&1; rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM

up() {
    out=$(timeout 250 "$ROOT/deploy/up" --demo --detach 2>&1)
    status=$?
}
# Every command of the printed text, as printed; "status: command" of those that are refused.
try_printed() {
    local line got
    grep -oE "curl -s .*" <<<"$out" | sed 's/   (.*//; s/, then .*//' | while IFS= read -r line; do
        got=$(eval "${line/curl -s/curl -s -m 20 -o /dev/null -w '%{http_code\}'}")
        [[ $got == 20[01] ]] && echo fine || printf '%s: %s\n' "$got" "$line"
    done
}
fake_state() { curl -s -m 10 "$FAKE/_fake/state" | jq -r "$1"; }
monday=$(date -d "$(date +%F) -$(($(date +%u) - 1)) days" +%F)
blocks() { # jq expression over all of the demo's blocks
    http GET "/api/time-blocks?start=$(date -d "$monday -7 days" +%F)&end=$(date -d "$monday 13 days" +%F)" "$TOKEN"
    jq -r "$1" <<<"$BODY"
}
delivered() { [[ $(blocks '[.data[] | select(.calendar_sync_status == "synced")] | length') -ge 91 ]]; }
settled() { delivered && [[ $(blocks '[.data[] | select(.invoicing_sync_status == "pending")] | length') == 0 ]]; }

BUREAU_GOOGLE_CLIENT_ID=real up
like "beside real providers it is refused" "BUREAU_GOOGLE_CLIENT_ID is set" "$out"
up
is "the demo starts" "0 ready $URL" "$status $(tail -n 1 <<<"$out")"
TOKEN=$(sed -n "s/.*export TOKEN='\(.*\)'$/\1/p" <<<"$out")
like "its account is kept from others' eyes" "^600 " "$(stat -c '%a %n' "$BUREAU_DATA/demo.env")"
until_true 60 settled
is "its blocks are in the calendar and in the books, but for who is not employed there" \
    '["bureau","Johanna de Vries","synced","synced"] ["bureau","Lena Brandt","synced","failed"] ["bureau","Pieter Smit","synced","synced"] ["google_calendar","Johanna de Vries","none","none"]' \
    "$(blocks '[.data[] | [.origin, .user.name, .calendar_sync_status, .invoicing_sync_status]] | unique | map(tostring) | join(" ")')"
is "each of its twelve commands works as printed" "12 fine" "$(try_printed | sort | uniq -c | sed 's/^ *//')"
is "the event that is not ours counts for nothing" true "$(blocks '.meta.total_hours < 250 and .meta.total_hours > 150')"
heard() { [[ $(fake_state '.hooks | tostring | test("time_block")') == true ]]; }
is "its webhook has heard of it" true "$(until_true 15 heard && echo true)"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"

count=$(blocks '.data | length')
"$ROOT/deploy/down" --demo >/dev/null
is "down ends the stand-ins, too" "" "$(curl -s -m 2 "$FAKE/_fake/state")"
up
is "it starts again" "0 ready $URL" "$status $(tail -n 1 <<<"$out")"
is "with the data of before" "$count" "$(blocks '.data | length')"
http GET /api/integrations "$TOKEN"
is "and is connected again, to nothing twice" "google_calendar false,moneybird false" \
    "$(jq -r '[.data[] | "\(.provider) \(.needs_reconnect)"] | sort | join(",")' <<<"$BODY")"
http POST /api/time-blocks "$TOKEN" "{\"title\":\"Afterwards\",\"start_time\":\"${monday}T19:00:00\",\"end_time\":\"${monday}T20:00:00\"}"
ID=$(jq .data.id <<<"$BODY") made=$STATUS
arrived() { [[ $(blocks ".data[] | select(.id == $ID) | .calendar_sync_status + .invoicing_sync_status") == syncedsynced ]]; }
until_true 60 arrived
is "what is made now is delivered" '201 "synced" "synced" null null' \
    "$made $(blocks ".data[] | select(.id == $ID) | [.calendar_sync_status, .invoicing_sync_status, .calendar_sync_error, .invoicing_sync_error] | map(tojson) | join(\" \")")"
