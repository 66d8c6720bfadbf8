#!/bin/bash
# webhooks.sh - what becomes of changes while their receiver, the worker and the network fail. Nothing
# is lost, the order is kept, and whatever comes twice has the same id.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
fakes_begin
register Hooke || exit 1

# hook NAME [more JSON members]: an endpoint at the fake; sets HOOK and SECRET.
hook() {
    http POST /api/webhooks "$TOKEN" "{\"url\":\"$FAKE/hooks/$1\"${2:-}}"
    HOOK=$(jq -r .data.id <<<"$BODY") SECRET=$(jq -r .data.secret <<<"$BODY")
    fake_set hook_secret "$1|$SECRET"
}
client() { http POST /api/clients "$TOKEN" "{\"name\":\"$1\"}" && ID=$(jq -r .data.id <<<"$BODY"); }
# Names of the clients a hook heard of, first time each, in the order they came.
heard() {
    fake_state "[.hooks[] | select(.hook == \"$1\") | {id, n: .body.data.changes.name}] |
        reduce .[] as \$h ([]; if any(.[]; .id == \$h.id) then . else . + [\$h] end) | [.[].n] | map(select(. != null)) | join(\" \")"
}
# What came more than once is the same each time.
same() {
    fake_state "[.hooks[] | select(.hook == \"$1\")] | group_by(.id) | all(([.[].body] | unique | length) == 1)"
}
has_heard() { [[ $(heard "$1") == "$2" ]]; }
hook_is() { http GET "/api/webhooks/$HOOK" "$TOKEN" && [[ $(jq -r ".data | \"\\(.is_active) \\(.pending)\"" <<<"$BODY") == "$1" ]]; }
on() { http PUT "/api/webhooks/$HOOK" "$TOKEN" '{"is_active":true}'; }
last_delivery() { http GET "/api/webhooks/$HOOK/deliveries?per_page=1" "$TOKEN" && jq -r ".data[0]$1" <<<"$BODY"; }

hook main ',"resources":["client"],"description":"Trial"'
is "a webhook is made" 201 "$STATUS"
like "its secret is shown" '^whsec_[A-Za-z0-9+/]{43}=$' "$SECRET"
http GET "/api/webhooks/$HOOK" "$TOKEN"
is "once" "200 null" "$STATUS $(jq -r .data.secret <<<"$BODY")"
is "it stands in the database sealed" 0 "$(sql "SELECT count(*) FROM sync.webhooks WHERE sealed LIKE '%$(cut -c 7-20 <<<"$SECRET")%'")"
client plain
until_true 15 has_heard main plain
is "a change arrives" plain "$(heard main)"
like "it has its type, its time and the change" "^client.created 20[0-9T:+-]+ create $ID$" \
    "$(fake_state '.hooks[0].body | "\(.type) \(.timestamp) \(.data.op) \(.data.id)"')"
http GET "/api/changes?limit=500" "$TOKEN"
is "the same as the change feed has" true \
    "$(jq --argjson h "$(fake_state '.hooks[0].body.data')" '[.data[] | select(. == $h)] | length == 1' <<<"$BODY")"
is "it is in the log" "client.created delivered 1 204" "$(last_delivery ' | "\(.type) \(.status) \(.attempts) \(.response_status)"')"

# --- answers ---------------------------------------------------------------------------------------
all=plain
# row CLAIM KIND [name=value…]: the change meets the fault and arrives all the same, before the next.
row() {
    local claim=$1 name="row$((++rows))"
    shift
    fake_fault "POST /hooks/main" "$@"
    client "$name-a"
    client "$name-b"
    all+=" $name-a $name-b"
    until_true 25 has_heard main "$all"
    is "$claim: it arrives, in order" "$all" "$(heard main)"
    is "$claim: nothing waits" 0 "$(until_true 5 hook_is "true 0"; echo $?)"
}
rows=0
row "500" status status=500 count=2
row "503 with a wait" status status=503 retry_after=2
row "400" status status=400
row "a redirect is not followed" status status=302 count=2
row "no answer" drop_before count=2
row "cut after it was taken" drop_after
row "half an answer" half
row "a slow answer" delay ms=6000
row "HTML with 502" html status=502
is "whatever came twice is the same" true "$(same main)"
is "nothing went to the redirect's target" 0 "$(fake_state '[.hooks[] | select(.hook == "elsewhere")] | length')"
http GET "/api/webhooks/$HOOK/deliveries?per_page=100" "$TOKEN"
like "the log says what happened" "redirects are not followed" "$(jq -r '[.data[].tries[].error] | join(" ")' <<<"$BODY")"

fake_fault "POST /hooks/main" status status=410
client gone
until_true 10 hook_is "false 1"
is "410: switched off, nothing dropped" "false The receiver answered 410 Gone." "$(jq -r '.data | "\(.is_active) \(.disabled_reason)"' <<<"$BODY")"
told() { [[ $(grep -lF "To: <$EMAIL>" "$BUREAU_DATA"/mail/*.eml 2>/dev/null | xargs -r grep -l 'A webhook was switched off' | wc -l) == "$1" ]]; }
until_true 15 told 1
is "its owner is told by mail" 0 $?
is "and the log of changes says so" "update The receiver answered 410 Gone." \
    "$(sql "SELECT op || ' ' || (changes -> 'disabled_reason' ->> 1) FROM core.audit WHERE resource = 'webhook' AND row_id = $HOOK AND changes ? 'disabled_reason'")"
http POST "/api/webhooks/$HOOK/test" "$TOKEN"
is "what is off takes no test" 409 "$STATUS"
client after
sleep 2
is "410: nothing is sent" "$all" "$(heard main)"
on
all+=" gone after"
until_true 15 has_heard main "$all"
is "switched on: it goes on where it stopped" "$all" "$(heard main)"

fake_fault "POST /hooks/main" status status=500 count=1000
client worn
# Again and again: a try that is under way counts and waits by what it knew.
tired() { sql "UPDATE sync.webhook_deliveries SET attempts = 11, next_at = now() WHERE status = 'pending'" >/dev/null; hook_is "false 0"; }
until_true 30 tired
is "given up after the twelfth try: switched off, kept as failed" "false 1" "$(jq -r '.data | "\(.is_active) \(.failed)"' <<<"$BODY")"
until_true 15 told 2
is "and her owner is told again" 0 $?
fake_set no_faults 1
on
http GET "/api/webhooks/$HOOK/deliveries?status=failed" "$TOKEN"
failed=$(jq -r '.data[0].id' <<<"$BODY")
again() { http POST "/api/webhooks/$HOOK/deliveries/$failed/replay" "$TOKEN"; sleep 1; [[ $(heard main) == "$all worn" ]]; }
until_true 8 again
is "a replay brings it" "$all worn" "$(heard main)"
all+=" worn"

# --- what is chosen --------------------------------------------------------------------------------
main=$HOOK
hook picky ',"resources":["client"],"events":["deleted"]'
client chosen
http DELETE "/api/clients/$ID" "$TOKEN"
picked() { [[ $(fake_state '[.hooks[] | select(.hook == "picky") | .body.type] | join(" ")') == client.deleted ]]; }
until_true 10 picked
is "only what was asked for is sent" client.deleted "$(fake_state '[.hooks[] | select(.hook == "picky") | .body.type] | join(" ")')"
http POST "/api/webhooks/$HOOK/test" "$TOKEN"
is "a test is queued" "200 webhook.test" "$STATUS $(jq -r .data.type <<<"$BODY")"
tested() { [[ $(fake_state '[.hooks[] | select(.body.type == "webhook.test")] | length') == 1 ]]; }
until_true 10 tested
is "and arrives" 1 "$(fake_state '[.hooks[] | select(.body.type == "webhook.test")] | length')"
HOOK=$main
all+=" chosen"

# --- secrets ---------------------------------------------------------------------------------------
http POST "/api/webhooks/$HOOK/rotate-secret" "$TOKEN" '{"overlap_hours":1}'
next=$(jq -r .data.secret <<<"$BODY")
like "a new secret" '^whsec_' "$next"
client overlap
all+=" overlap"
until_true 10 has_heard main "$all"
is "the old one signs too for a while" "$all" "$(heard main)"
fake_set hook_secret "main|$next"
client both
all+=" both"
until_true 10 has_heard main "$all"
is "both signatures are good" 2 "$(fake_state '[.hooks[] | select(.body.data.changes.name == "both")][0].signatures')"
sql "UPDATE sync.webhooks SET previous_until = now()" >/dev/null
client single
all+=" single"
until_true 10 has_heard main "$all"
is "then the new one alone" 1 "$(fake_state '[.hooks[] | select(.body.data.changes.name == "single")][0].signatures')"
now=$(cat "$BUREAU_DATA/secret.key") other=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
rotate() { env -u BUREAU_SECRET_KEY_FILE BUREAU_SECRET_KEY="$1" BUREAU_SECRET_KEY_PREVIOUS="$2" "$BUREAU_BIN/bureau-sync" --rotate-keys 2>&1; }
like "--rotate-keys seals secrets anew" '^2 connections .* 0 that no key opens$' "$(rotate "$other" "$now")"
like "and back" '^2 connections .* 0 that no key opens$' "$(rotate "$now" "$other")"

# --- the worker is killed at each step; two workers ------------------------------------------------
BUREAU_BIND="ipc://$RUN/sync2.ipc" "$BUREAU_BIN/bureau-sync" >"$work/second.log" 2>&1 </dev/null &
second=$!
for i in 1 2 3; do
    fake_fault "POST /hooks/main" delay ms=1500
    client "killed$i-a"
    client "killed$i-b"
    all+=" killed$i-a killed$i-b"
    sleep "0.$((i * 3))"
    kill -KILL "$(pid_alive sync)"
    until_true 30 has_heard main "$all"
    is "killed, round $i: in order, nothing lost" "$all" "$(heard main)"
done
for i in {1..40}; do client "load$i"; all+=" load$i"; ((i % 10)) || kill -KILL "$(pid_alive sync)"; done
kill -INT "$(pid_alive postgres)"
sleep 2
until_true 20 stack_ready
until_true 40 has_heard main "$all"
is "40 changes, killed workers, a restarted database: 0 lost, in order" "$all" "$(heard main)"
is "whatever came twice is the same" true "$(same main)"
kill "$second" 2>/dev/null
http POST "/api/webhooks/$HOOK/replay" "$TOKEN" '{"after":0}'
is "everything once more" 200 "$STATUS"
twice() { fake_state '[.hooks[] | select(.hook == "main") | .id] | group_by(.) | all(length >= 2)' | grep -q true; }
until_true 40 twice
is "everything came again, as it was" "0 true" "$(twice; echo $?) $(same main)"

# --- where nothing is sent -------------------------------------------------------------------------
refused() { [[ $(last_delivery .status) == failed ]]; }
for url in https://10.0.0.1/x https://169.254.169.254/latest/meta-data https://192.168.1.1:8443/ https://[fd00::1]/ \
    https://[::ffff:10.0.0.1]/ https://100.64.0.1/; do
    http POST /api/webhooks "$TOKEN" "{\"url\":\"$url\",\"resources\":[\"park\"]}"
    HOOK=$(jq -r .data.id <<<"$BODY")
    http POST "/api/webhooks/$HOOK/test" "$TOKEN"
    until_true 10 refused
    is "$url is refused" "the address is not allowed" "$(last_delivery .error)"
    http DELETE "/api/webhooks/$HOOK" "$TOKEN"
done
is "a webhook is deleted with its log" 404 "$(http GET "/api/webhooks/$HOOK/deliveries" "$TOKEN"; echo "$STATUS")"
HOOK=$main

# --- one organization's slow receiver does not hold up another's ---------------------------------------
for i in 1 2 3 4 5; do
    hook "slow$i" ',"resources":["client"]'
    fake_fault "POST /hooks/slow$i" delay ms=4000 count=100
done
client crowd
register Neighbour || exit 1
hook quick ',"resources":["client"]' # its own creation would come before the fake knows the secret
client swift
began=$SECONDS
until_true 20 has_heard quick swift
is "another organization's change does not wait behind slow ones" "swift 0" "$(heard quick) $((SECONDS - began > 8))"
is "another organization does not see them" 404 "$(http GET "/api/webhooks/$main" "$TOKEN"; echo "$STATUS")"

is "a strict receiver found nothing wrong" "" "$(fake_state '.violations[]' | head -n 3)"
is "no secret is in a log" "" "$(grep -hoF "${next#whsec_}" "$work"/stack/log/*.log "$work/second.log" | head -n 1)"
