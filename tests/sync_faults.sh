#!/bin/bash
# sync_faults.sh - what becomes of time blocks while providers, network and workers fail. Each row
# states its outcome; whatever happens: nothing is lost, nothing stands twice at a provider, and no
# request is made before a wait the provider asked for is over.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
fakes_begin

register Johanna || exit 1
fake_set account johanna
fake_set employee "$EMAIL"
connect google_calendar "$TOKEN"
is "Google is connected" "302 connected" "$STATUS $(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION")"
connect moneybird "$TOKEN"
is "Moneybird is connected" "302 connected" "$STATUS $(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION")"
have_calendars() {
    http GET /api/integrations "$TOKEN"
    [[ $(jq -r '[.data[].calendars // [] | length] | max' <<<"$BODY") == 3 ]]
}
until_true 10 have_calendars
is "its calendars are listed" 0 $?
GOOGLE=$(jq -r '.data[] | select(.provider == "google_calendar").id' <<<"$BODY")
BOOKS=$(jq -r '.data[] | select(.provider == "moneybird").id' <<<"$BODY")
PRIMARY=$(jq -r '.data[].calendars // [] | .[] | select(.name == "Primary").id' <<<"$BODY")
TEAM=$(jq -r '.data[].calendars // [] | .[] | select(.name == "Team").id' <<<"$BODY")

block() { # title [more JSON members]
    http POST /api/time-blocks "$TOKEN" "{\"title\":\"$1\",\"start_time\":\"2026-03-0$((1 + RANDOM % 9))T09:00:00\",
        \"end_time\":\"2026-03-29T10:00:30\",\"timezone\":\"Europe/Amsterdam\"${2:-}}"
    ID=$(jq -r .data.id <<<"$BODY")
}
force() { http POST "/api/time-blocks/$ID/sync" "$TOKEN"; }
edit() { http PUT "/api/time-blocks/$ID" "$TOKEN" "$1"; }
statuses() {
    http GET "/api/time-blocks/$ID" "$TOKEN"
    jq -r '.data | "\(.calendar_sync_status) \(.invoicing_sync_status)"' <<<"$BODY"
}
reached() { [[ $(statuses) == $1 ]]; }
error_of() { http GET "/api/time-blocks/$ID" "$TOKEN" && jq -r ".data.$1_sync_error" <<<"$BODY"; }
events() { fake_state "[.google.events[] | select(.summary == \"$1\")] | length"; }
entries() { fake_state "[.moneybird.entries[] | select(.description == \"$1\")] | length"; }
open_lanes() { sql "UPDATE sync.lanes SET paused_until = '-infinity', failures = 0; UPDATE sync.budgets SET closed_until = '-infinity'" >/dev/null; }

# row CLAIM STATUSES SECONDS MATCH KIND [name=value…]: a new block meets the fault; it is in the end
# once at each side that says synced.
row() {
    local claim=$1 want=$2 seconds=$3 title="row $((++rows))"
    shift 3
    fake_fault "$@"
    block "$title"
    force
    until_true "$seconds" reached "$want"
    is "$claim: statuses" "$want" "$(statuses)"
    [[ $want == synced* ]] && is "$claim: one event" 1 "$(events "$title")"
    [[ $want == *synced ]] && is "$claim: one entry" 1 "$(entries "$title")"
    open_lanes
}
rows=0
ok_both="synced synced"
g='POST /calendar/v3/calendars'
m='POST /api/v2/'

block "plain"
force
until_true 10 reached "$ok_both"
is "a block is delivered" "$ok_both" "$(statuses)"

# --- faults that pass ------------------------------------------------------------------------------
row "Google 401" "$ok_both" 10 "$g" status status=401 reason=authError
row "Google 403 rateLimitExceeded" "$ok_both" 12 "$g" status status=403 reason=rateLimitExceeded retry_after=2
row "Google 409 conflict of ours" "$ok_both" 10 "$g" drop_after
row "Google 429 with a wait" "$ok_both" 12 "$g" status status=429 reason=rateLimitExceeded retry_after=3
row "Google 500" "$ok_both" 10 "$g" status status=500 reason=backendError count=3
row "Google 503 with a wait" "$ok_both" 12 "$g" status status=503 reason=backendError retry_after=2
row "Google HTML instead of JSON" "$ok_both" 10 "$g" html status=502
row "Google cut before" "$ok_both" 10 "$g" drop_before count=2
row "Google half an answer" "$ok_both" 12 "$g" half
row "Google drips" "$ok_both" 20 "$g" drip
row "Moneybird 401" "$ok_both" 10 "$m" status status=401 reason=expired
row "Moneybird 429 until an epoch" "$ok_both" 12 "$m" status status=429 retry_after=3
row "Moneybird 500" "$ok_both" 10 "$m" status status=500 count=2
row "Moneybird 503" "$ok_both" 10 "$m" status status=503
row "Moneybird HTML" "$ok_both" 10 "$m" html status=503
row "Moneybird cut before" "$ok_both" 10 "$m" drop_before count=2
row "Moneybird cut after commit" "$ok_both" 10 "$m" drop_after
row "Moneybird half an answer" "$ok_both" 12 "$m" half
row "Moneybird slow answer" "$ok_both" 20 "$m" delay ms=6000

# --- faults that stay: the reason is on the record --------------------------------------------------
row "Google 400" "failed synced" 10 "$g" status status=400 reason=invalid
like "Google 400: the reason" "Google Calendar refused it" "$(error_of calendar)"
force
until_true 10 reached "$ok_both"
is "Google 400: a retry by hand delivers it" "$ok_both" "$(statuses)"
row "Moneybird 422" "synced failed" 10 "$m" status status=422 reason="description is too odd"
like "Moneybird 422: the reason" "too odd" "$(error_of invoicing)"
http GET "/api/sync/jobs?status=failed" "$TOKEN"
is "it is listed" "$ID" "$(jq -r '.data[0].record_id' <<<"$BODY")"
http POST "/api/sync/jobs/$(jq -r '.data[0].id' <<<"$BODY")/retry" "$TOKEN"
until_true 10 reached "$ok_both"
is "and retried" "$ok_both" "$(statuses)"
row "Moneybird 401 without the scope" "synced failed" 10 "$m" status status=401 reason="No access to time_entries"
like "Moneybird 401 without the scope: the reason" "No access" "$(error_of invoicing)"
http GET /api/integrations "$TOKEN"
is "it is no reason to connect again" false "$(jq -r ".data[] | select(.id == $BOOKS).needs_reconnect" <<<"$BODY")"
row "Google 403 forbidden" "failed synced" 10 "$g" status status=403 reason=forbidden
like "Google 403 forbidden: the reason" "may no longer be written" "$(error_of calendar)"
http PUT "/api/calendars/$PRIMARY" "$TOKEN" '{"is_enabled":true}'
is "the calendar was switched off, and on again" 200 "$STATUS"
until_true 10 reached "$ok_both"
is "and the block comes by itself" "$ok_both 1" "$(statuses) $(events "row $rows")"
fake_set plan 0
block "over the plan"
force
until_true 10 reached "synced failed"
like "Moneybird 402: the reason" "plan" "$(error_of invoicing)"
fake_set plan 1000000
open_lanes
force
until_true 10 reached "$ok_both"
is "Moneybird 402: delivered once it is allowed" "$ok_both" "$(statuses)"
fake_fault "$g" status status=403 reason=quotaExceeded
block "quota"
force
sleep 2
is "Google quotaExceeded: the account rests for an hour" t \
    "$(sql "SELECT paused_until > now() + interval '50 minutes' FROM sync.lanes WHERE integration_id = $GOOGLE")"
open_lanes
sql "UPDATE sync.jobs SET run_at = now()" >/dev/null
until_true 10 reached "$ok_both"
is "Google quotaExceeded: delivered afterwards" "$ok_both" "$(statuses)"

# --- edits -----------------------------------------------------------------------------------------
block "edited"
force
until_true 10 reached "$ok_both"
fake_set etags 1
edit '{"title":"edited twice"}' && force
until_true 10 reached "$ok_both"
is "Google 412: ours is newer" 1 "$(events "edited twice")"
is "one entry is changed" "0 1" "$(entries edited) $(entries "edited twice")"
fake_fault "PATCH /calendar" status status=410 reason=deleted
entry=$(fake_state '.moneybird.entries[] | select(.description == "edited twice").id')
fake_set lose "$entry"
edit '{"title":"put back"}' && force
until_true 10 reached "$ok_both"
is "deleted at both: put back" "$ok_both 1" "$(statuses) $(entries "put back")"
entry=$(fake_state '.moneybird.entries[] | select(.description == "put back").id')
fake_set invoice "$entry"
edit '{"title":"after the invoice"}' && force
until_true 10 reached "synced failed"
like "an invoiced entry is frozen" "already invoiced" "$(error_of invoicing)"
is "it stays as it is" 1 "$(entries "put back")"
billed() { sql "SELECT billed_at IS NOT NULL, billed_reference FROM billing.time_blocks WHERE id = $ID"; }
is "and its hours are billed, by the invoice's number" "t|Moneybird 2026-0007" "$(billed)"
is_billed() { [[ $(billed) == t* ]]; }
edit '{"title":"too late"}'
is "so they can no longer be changed" 409 "$STATUS"
day=$(date -u -d yesterday +%F)
http POST /api/time-blocks "$TOKEN" "{\"title\":\"recent\",\"start_time\":\"${day}T09:00:00Z\",\"end_time\":\"${day}T10:00:00Z\"}"
ID=$(jq -r .data.id <<<"$BODY")
force
until_true 10 reached "$ok_both"
entry=$(fake_state '.moneybird.entries[] | select(.description == "recent").id')
fake_set invoice "$entry"
http POST "/api/integrations/$BOOKS/sync" "$TOKEN"
until_true 15 is_billed
is "an invoice made there is seen with the daily import" "t|Moneybird 2026-0007" "$(billed)"
fake_set uninvoice "$entry"
http POST "/api/integrations/$BOOKS/sync" "$TOKEN"
opened() { [[ $(billed) == "f|" ]]; }
until_true 15 opened
is "the invoice is no more: they are open again" "f|" "$(billed)"

block "moved"
force
until_true 10 reached "$ok_both"
http PUT "/api/calendars/$TEAM" "$TOKEN" '{"is_enabled":true,"sync_direction":"push"}'
edit "{\"calendar_id\":$TEAM}" && force
until_true 10 reached "$ok_both"
is "another calendar: moved, not doubled" "1 team#johanna@group.calendar.test" \
    "$(events moved) $(fake_state '.google.events[] | select(.summary == "moved")._calendar')"
http DELETE "/api/time-blocks/$ID" "$TOKEN"
gone() { [[ $(events moved) == 0 && $(entries moved) == 0 ]]; }
until_true 12 gone
is "deleted: gone at both" 0 $?

block "burst"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do edit "{\"title\":\"burst $i\"}"; done
until_true 15 reached "$ok_both"
is "a burst of edits is one entry with the last state" "1 1" "$(events "burst 12") $(entries "burst 12")"
like "a burst of edits is few requests" '^[12]$' \
    "$(curl -s "$FAKE/_fake/log" | jq '[.[] | select(.path | startswith("/api/v2")) | select(.method != "GET")] | .[-4:] | length' | head -c 1 | tr 34 22)"

# --- the access is revoked ---------------------------------------------------------------------------
fake_set dead 1
fake_set expire 1
block "revoked"
force
until_true 10 reached "failed failed"
is "invalid_grant: failed" "failed failed" "$(statuses)"
like "invalid_grant: the reason" "Connect the account again" "$(error_of calendar)"
http GET /api/integrations "$TOKEN"
is "invalid_grant: both need to be connected again" "true true" "$(jq -r '[.data[].needs_reconnect] | join(" ")' <<<"$BODY")"
fake_set dead 0
connect google_calendar "$TOKEN"
connect moneybird "$TOKEN"
until_true 15 reached "$ok_both"
is "connected again: it goes on by itself" "$ok_both" "$(statuses)"
is "once at each" "1 1" "$(events revoked) $(entries revoked)"

# --- the worker is killed at each step --------------------------------------------------------------
kill_at() { # claim, match, prepare…: the provider has done its part when the worker dies
    local claim=$1 match=$2 pid
    fake_fault "$match" delay ms=1500
    pid=$(pid_alive sync)
    for ((i = 0; i < 80; i++)); do
        [[ $(fake_state '[.faults[] | select(.count > 0)] | length') == 0 ]] && break
        sleep 0.1
    done
    kill -KILL "$pid"
    until_true 30 reached "$ok_both"
    is "$claim: delivered" "$ok_both" "$(statuses)"
}
block "killed 1" && (kill_at "killed while Google inserts" "$g" & force; wait)
block "killed 2" && (kill_at "killed while Moneybird creates" "$m" & force; wait)
is "killed while creating: once at each" "1 1 1 1" \
    "$(events "killed 1") $(entries "killed 1") $(events "killed 2") $(entries "killed 2")"
edit '{"title":"killed 3"}' && (kill_at "killed while Google changes" "PATCH /calendar" & force; wait)
edit '{"title":"killed 4"}' && (kill_at "killed while Moneybird changes" "PATCH /api/v2" & force; wait)
is "killed while changing: once at each" "1 1" "$(events "killed 4") $(entries "killed 4")"
fake_set expire 1
edit '{"title":"killed 5"}' && (kill_at "killed while tokens are renewed" "POST /token" & force; wait)
is "killed while renewing: once at each" "1 1" "$(events "killed 5") $(entries "killed 5")"

# --- PostgreSQL restarts under load, a second worker process, killed ones --------------------------
BUREAU_BIND="ipc://$RUN/sync2.ipc" "$BUREAU_BIN/bureau-sync" >"$work/second.log" 2>&1 </dev/null &
second=$!
for i in {1..30}; do block "load $i"; done
sleep 1
kill -INT "$(pid_alive postgres)"
sleep 2
until_true 20 stack_ready
kill -KILL "$(pid_alive sync)"
settled() { [[ $(sql "SELECT count(*) FROM sync.jobs WHERE kind = 'push' AND state = 'available'") == 0 ]]; }
until_true 30 settled
is "load with a restarted database and a killed worker: nothing is stuck" 0 $?
kill "$second" 2>/dev/null
is "nothing is lost" "30 30" "$(fake_state '[.google.events[] | select(.summary | startswith("load"))] | length') $(fake_state '[.moneybird.entries[] | select(.description | startswith("load"))] | length')"
is "nothing is doubled" "30 30" "$(fake_state '[.google.events[] | select(.summary | startswith("load")) | .summary] | unique | length') $(fake_state '[.moneybird.entries[] | select(.description | startswith("load")) | .description] | unique | length')"

# --- what is changed in Google ----------------------------------------------------------------------
title_of() { http GET "/api/time-blocks/$ID" "$TOKEN" && jq -r .data.title <<<"$BODY"; }
titled() { [[ $(title_of) == "$1" ]]; }
missing() { http GET "/api/time-blocks/$ID" "$TOKEN" && [[ $STATUS == 404 ]]; }
block "ours"
OURS=$ID
force
until_true 10 reached "$ok_both"
event=$(fake_state '.google.events[] | select(.summary == "ours").id')
fake_set edit "$event|edited there"
until_true 15 titled "edited there"
is "an edit in Google is taken over" "edited there" "$(title_of)"
until_true 15 reached "$ok_both"
is "and reaches Moneybird" "0 1" "$(entries ours) $(entries "edited there")"
before=$(curl -s "$FAKE/_fake/log" | jq '[.[] | select(.method == "PATCH" and (.path | startswith("/calendar")))] | length')
sleep 4
is "without an echo to Google" "$before" \
    "$(curl -s "$FAKE/_fake/log" | jq '[.[] | select(.method == "PATCH" and (.path | startswith("/calendar")))] | length')"
fake_set remove "$event"
until_true 15 missing
is "deleted in Google: the block is gone" 404 "$STATUS"
unlisted() { [[ $(entries "edited there") == 0 ]]; }
until_true 15 unlisted
is "and its entry too" 0 $?

foreign() { http GET "/api/time-blocks?start=2030-05-01&end=2030-05-02" "$TOKEN" && [[ $(jq '.data | length' <<<"$BODY") == "$1" ]]; }
fake_set event "johanna|dentist1|Dentist|2030-05-01T10:00:00+02:00|2030-05-01T11:00:00+02:00"
until_true 15 foreign 1
is "somebody else's event is shown, and not counted" "Dentist google_calendar false 0" \
    "$(jq -r '"\(.data[0].title) \(.data[0].origin) \(.data[0].is_billable) \(.meta.total_hours)"' <<<"$BODY")"
ID=$(jq -r '.data[0].id' <<<"$BODY") DENTIST=$ID
edit '{"title":"mine now"}'
is "it is read-only" "403 External events are read-only." "$STATUS $(jq -r .message <<<"$BODY")"
is "it is at neither side" "1 0" "$(events Dentist) $(entries Dentist)"
fake_set edit "dentist1|Dentist, later"
until_true 15 titled "Dentist, later"
is "its changes are followed" "Dentist, later" "$(title_of)"
fake_set old_tokens 1
fake_set page_size 2
fake_set event "johanna|dentist2|Second|2030-05-02T10:00:00+02:00|2030-05-02T11:00:00+02:00"
until_true 20 foreign 2
is "410: the whole list is read again, page by page" 2 "$(jq '.data | length' <<<"$BODY")"
fake_set page_size 0
fake_set remove dentist2
until_true 15 foreign 1
is "deleted there: gone here" 1 "$(jq '.data | length' <<<"$BODY")"

# --- Moneybird's contacts and projects -----------------------------------------------------------------
http GET "/api/clients?filter%5Bsearch%5D=Acme" "$TOKEN"
is "contacts become clients" "Acme BV,Beta BV" \
    "$(jq -r '[.data[] | select(.external_id != null).name] | sort | join(",")' <<<"$BODY")"
http GET /api/projects "$TOKEN"
is "projects become projects, archived ones too" "App false,Website true" \
    "$(jq -r '[.data[] | "\(.name) \(.is_active)"] | sort | join(",")' <<<"$BODY")"
http POST "/api/integrations/$BOOKS/sync" "$TOKEN"
sleep 3
http GET /api/projects "$TOKEN"
is "a second import doubles nothing" 2 "$(jq '.data | length' <<<"$BODY")"

# --- disconnected ----------------------------------------------------------------------------------------
http DELETE "/api/integrations/$GOOGLE" "$TOKEN"
is "disconnected" 200 "$STATUS"
is "its tokens are wiped" "" "$(sql "SELECT sealed FROM sync.integrations WHERE id = $GOOGLE")"
foreign 0
is "its read-only events are gone" 0 "$(jq '.data | length' <<<"$BODY")"
block "after"
force
until_true 10 reached "none synced"
is "blocks go to the other side only" "none synced" "$(statuses)"
connect google_calendar "$TOKEN"
http GET "$(sed "s|$URL||" <<<"$CALLBACK")" ''
is "a state is good once" 422 "$STATUS"
fake_set drop_scope https://www.googleapis.com/auth/calendar.events
connect google_calendar "$TOKEN"
like "a scope that was not allowed is refused" "status=failed" "$LOCATION"
fake_set drop_scope none
fake_set deny 1
connect google_calendar "$TOKEN"
like "no consent, no connection" "status=failed" "$LOCATION"
fake_set deny 0
connect google_calendar "$TOKEN"
is "the same account is the same integration" "connected $GOOGLE" \
    "$(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION") $(sql "SELECT id FROM sync.integrations WHERE provider = 'google_calendar'")"

# --- several administrations ----------------------------------------------------------------------------
owner=$TOKEN owner_email=$EMAIL
register Second
fake_set account second
fake_set employee "$EMAIL"
fake_set two 1
connect moneybird "$TOKEN"
like "several administrations: the browser is told which is used" "status=connected&message=Several.*My%20Company" "$LOCATION"
http GET /api/integrations "$TOKEN"
FIRST=$(jq -r '.data[0].id' <<<"$BODY")
http GET "/api/integrations/$FIRST/administrations" "$TOKEN"
is "which there are" "My Company BV true,Second BV false" "$(jq -r '[.data[] | "\(.name) \(.is_used)"] | join(",")' <<<"$BODY")"
SECOND=$(jq -r '.data[1].id' <<<"$BODY")
block "in the first"
force
until_true 10 reached "none synced"
is "the first one is used" "none synced" "$(statuses)"
http PUT "/api/integrations/$FIRST/administration" "$TOKEN" '{"administration_id":"1"}'
is "one that was not allowed" "422 The selected administration id is invalid." "$STATUS $(jq -r '.errors.administration_id[0]' <<<"$BODY")"
sql "UPDATE sync.lanes SET paused_until = 'infinity' WHERE organization_id = $ORG" >/dev/null
block "in the second"
http PUT "/api/integrations/$FIRST/administration" "$TOKEN" "{\"administration_id\":\"$SECOND\"}"
is "the second one is chosen" 200 "$STATUS"
chosen=$(jq -r .data.id <<<"$BODY")
until_true 15 reached "none synced"
is "what waited goes there, what was delivered stays" "$SECOND 1" \
    "$(fake_state '.moneybird.entries[] | select(.description == "in the second").administration_id') $(entries "in the first")"
http GET /api/integrations "$TOKEN"
is "it is the one that is connected" "$chosen Second BV" "$(jq -r '.data[] | "\(.id) \(.name)"' <<<"$BODY")"
http PUT "/api/integrations/$chosen/administration" "$TOKEN" "{\"administration_id\":\"$SECOND\"}"
is "once more changes nothing" "200 $chosen" "$STATUS $(jq -r .data.id <<<"$BODY")"
http PUT "/api/integrations/$chosen/administration" "$owner" "{\"administration_id\":\"$SECOND\"}"
is "another organization's is not found" 404 "$STATUS"
fake_set two 0
fake_set account johanna
TOKEN=$owner EMAIL=$owner_email

# A browser begins, so the browser must come back.
jar=$work/jar
curl -s -m 20 -c "$jar" -o /dev/null -H 'Content-Type: application/json' -d "{\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\"}" "$URL/login"
csrf=$(awk '$6 == "XSRF-TOKEN" { print $7 }' "$jar")
consent=$(curl -s -m 20 -b "$jar" -o /dev/null -w '%{http_code} %{redirect_url}' -X POST -H 'Accept: text/html' \
    -H "X-XSRF-TOKEN: $csrf" "$URL/integrations/google_calendar/connect")
like "a browser is sent to the provider" "^302 $FAKE/o/oauth2" "$consent"
back=$(curl -s -m 10 -o /dev/null -w '%{redirect_url}' "${consent#* }")
is "somebody else's browser may not bring its state back" 422 "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$back")"
consent=$(curl -s -m 20 -b "$jar" -o /dev/null -w '%{redirect_url}' -X POST -H 'Accept: text/html' \
    -H "X-XSRF-TOKEN: $csrf" "$URL/integrations/google_calendar/connect")
back=$(curl -s -m 10 -o /dev/null -w '%{redirect_url}' "$consent")
like "its own may" "^302 .*status=connected" \
    "$(curl -s -m 20 -b "$jar" -o /dev/null -H 'Accept: text/html' -w '%{http_code} %{redirect_url}' "$back")"
owner=$TOKEN
http POST /integrations/google_calendar/connect "$owner"
back=$(curl -s -m 10 -o /dev/null -w '%{redirect_url}' "$(jq -r .url <<<"$BODY")")
register Thief
http GET "${back#"$URL"}" "$TOKEN"
is "what a token began is not another's to end" 422 "$STATUS"
TOKEN=$owner

# --- keys ------------------------------------------------------------------------------------------------
key_id() { sql "SELECT string_agg(DISTINCT key_id, ',') FROM sync.integrations WHERE sealed IS NOT NULL"; }
rotate() { # new key, previous key
    env -u BUREAU_SECRET_KEY_FILE BUREAU_SECRET_KEY="$1" BUREAU_SECRET_KEY_PREVIOUS="$2" "$BUREAU_BIN/bureau-sync" --rotate-keys 2>&1
}
now=$(cat "$BUREAU_DATA/secret.key") next=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
before=$(key_id)
# The services know the old key only: they shall not look meanwhile.
sql "UPDATE sync.lanes SET paused_until = 'infinity'" >/dev/null
sleep 1
like "--rotate-keys seals every connection anew" "^3 connections sealed with key [0-9a-f]{16}, 0 that no key opens$" "$(rotate "$next" "$now")"
[[ $(key_id) != "$before" ]]
is "with another key" 0 $?
rotate "$now" "$next" >/dev/null
is "and back" "$before" "$(key_id)"
open_lanes
block "after the rotation"
force
until_true 10 reached "$ok_both"
is "the connections still work" "$ok_both" "$(statuses)"

# --- a budget for one address ------------------------------------------------------------------------------
taken() { sql "SELECT count(*) FILTER (WHERE w = 0) FROM (SELECT sync.take('$1', 30, 0.4, $2) AS w FROM generate_series(1, 100)) s"; }
is "a budget gives its burst, and no more" "30 0" "$(taken trial@one 0) $(taken trial@one 0)"
is "a part of it is kept for urgent work" "23 7" "$(taken trial@two 7) $(taken trial@two 0)"
like "the wait it names is the time for one more" '^[12]?[0-9]{3}$' "$(sql "SELECT sync.take('trial@one', 30, 0.4, 0)")"
sql "SELECT sync.close_budget('trial@three', 1), sync.take('trial@three', 30, 0.4, 0), sync.close_budget('trial@three', 60000)" >/dev/null
like "closed by the provider: nothing before the wait is over" '^(59|60)[0-9]{3}$' "$(sql "SELECT sync.take('trial@three', 30, 0.4, 0)")"

# Organization -1 has three accounts, -2 one; who may go next, twelve times.
turns() {
    sql "BEGIN; UPDATE sync.lanes SET paused_until = 'infinity';
        INSERT INTO sync.integrations (id, organization_id, provider, provider_type, account, name, user_id)
            SELECT -n, CASE n WHEN 4 THEN -2 ELSE -1 END, 'fair', 'invoicing', n, n, 1 FROM generate_series(1, 4) n;
        INSERT INTO sync.lanes (integration_id, organization_id, provider)
            SELECT id, organization_id, provider FROM sync.integrations WHERE id < 0;
        INSERT INTO sync.jobs (organization_id, integration_id, kind, record_id)
            SELECT organization_id, id, 'push', n FROM sync.integrations, generate_series(1, 12) n WHERE id < 0;
        CREATE TEMP TABLE turns (n serial, organization bigint, integration bigint);
        DO \$\$ BEGIN FOR i IN 1..12 LOOP
            INSERT INTO turns (organization, integration) SELECT c.organization, c.integration FROM sync.claim('t', 1000, 'one') c;
            UPDATE sync.lanes SET lease_until = NULL WHERE integration_id < 0;
        END LOOP; END \$\$;
        SELECT count(*) FILTER (WHERE organization = -1), count(*) FILTER (WHERE organization = -2), count(DISTINCT integration) FROM turns;
        ROLLBACK" | tail -n 1
}
is "an organization with three accounts has no more turns than one with one" "6|6|4" "$(turns)"

# --- the change feed -------------------------------------------------------------------------------------
seqs() { http GET "/api/changes?limit=500" "$TOKEN" && jq '[.data[].seq] | length > 50 and . == [range(1; length + 1)]' <<<"$BODY"; }
sealed() { [[ $(seqs) == true ]]; }
until_true 15 sealed
is "changes are numbered without a gap" true "$(seqs)"
ops_of() { sql "SELECT string_agg(DISTINCT op, ' ' ORDER BY op) FROM core.audit WHERE resource = '$1' AND $2"; }
is "what Google brought is among them, and that it went with the connection" "create delete update" "$(ops_of time_block "row_id = $DENTIST")"
is "and what was edited and deleted there" "create delete update" "$(ops_of time_block "row_id = $OURS")"
is "and what Moneybird brought" "create create" \
    "$(ops_of client "changes ->> 'name' = 'Acme BV'") $(ops_of project "changes ->> 'name' = 'Website'")"
is "and each carries the hash of the one before" true \
    "$(http GET "/api/changes?limit=500" "$TOKEN"; jq '[.data[].hash][:-1] == [.data[].prev_hash][1:]' <<<"$BODY")"

# --- more entries than could be read of within a lease, were each a transaction -----------------------------
register Many
fake_set account many
fake_set employee "$EMAIL"
connect moneybird "$TOKEN"
http GET /api/integrations "$TOKEN"
BOOKS=$(jq -r '.data[] | select(.provider == "moneybird").id' <<<"$BODY")
http POST /api/time-blocks "$TOKEN" "{\"title\":\"many\",\"start_time\":\"${day}T09:00:00Z\",\"end_time\":\"${day}T10:00:00Z\"}"
stands() { [[ $(entries many) == 1 ]]; }
until_true 15 stands
fake_set many 5000
http POST "/api/integrations/$BOOKS/sync" "$TOKEN"
imported() { [[ $(sql "SELECT run_at > now() + interval '1 hour' FROM sync.jobs WHERE integration_id = $BOOKS AND kind = 'import'") == t ]]; }
until_true 20 imported
is "a long list is read within one lease" 0 $?

# --- a list longer than the budget is read to its end, a part at a time -----------------------------------------
asked_for() { curl -s "$FAKE/_fake/log" | jq --arg path "$1" '[.[] | select(.method == "GET" and (.path | test($path)))] | length'; }
lists_read() { printf '%s %s' "$(($(asked_for '/contacts') - contacts))" "$(($(asked_for '/time_entries[.]json') - pages))"; }
imported() { [[ $(sql "SELECT run_at > now() + interval '1 hour' AND place = 0 FROM sync.jobs WHERE integration_id = $BOOKS AND kind = 'import'") == t ]]; }
import_again() {
    contacts=$(asked_for '/contacts') pages=$(asked_for '/time_entries[.]json')
    sql "UPDATE sync.jobs SET run_at = now(), priority = 0, place = $1 WHERE integration_id = $BOOKS AND kind = 'import'" >/dev/null
    until_true 30 imported
}
fake_fault "time_entries.json" status status=429 retry_after=2
import_again 0
is "a list that had to wait is read on, the ones before are not read again" "1 52" "$(lists_read)"
import_again 2030
is "and from the page that was next" "0 22" "$(lists_read)"

# --- what must never be seen must never be seen --------------------------------------------------------------
is "no request before the provider's wait was over" "0,0,0" "$(fake_state '.early | join(",")')"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
is "no token and no secret is in a log" "" \
    "$(grep -hoE 'ya29\.|1//refresh|aaaa[0-9]+bbbb|rrrr[0-9]+ssss|google-secret|moneybird-secret|code-[0-9]+' "$work"/stack/log/*.log "$work/second.log" | sort -u | head -n 3)"
is "no token stands in the database as it is" 0 \
    "$(sql "SELECT count(*) FROM sync.integrations WHERE sealed LIKE '%ya29%' OR facts::text LIKE '%ya29%'")"
