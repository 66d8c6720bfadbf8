#!/bin/bash
# providers.sh - the worker and the fakes are held to what Google and Moneybird publish of themselves:
# worker → proxy → fake, and the proxy refuses every request and every answer that their own
# description does not allow. The descriptions are no part of this project: they are looked for in
# PROVIDER_SPECS, or in shared/providers beside the checkout; without them all is skipped.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
PROVIDER_SPECS=${PROVIDER_SPECS:-$ROOT/../shared/providers}
GOOGLE_SPEC=$PROVIDER_SPECS/google-calendar-v3.swagger2.strict.json
BOOKS_SPEC=$PROVIDER_SPECS/moneybird-v2.subset.strict.openapi.json
[[ -r $GOOGLE_SPEC && -r $BOOKS_SPEC ]] || {
    skip "the providers' own descriptions" "they are not in $PROVIDER_SPECS; set PROVIDER_SPECS"
    exit 0
}
fakes_room
mkdir "$work/npm" && cp -- "$ROOT"/tests/providers/package*.json "$work/npm/"
command -v npm >/dev/null && (cd "$work/npm" &&
    timeout 300 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 >npm.log 2>&1) || {
    skip "the providers' own descriptions" "npm is missing or out of reach"
    exit 0
}

proxy() { # name, description: sets PROXY
    local port
    port=$(free_port)
    PROXY=http://127.0.0.1:$port
    NO_COLOR=1 node "$work/npm/node_modules/.bin/prism" proxy -p "$port" --errors "$2" "$FAKE" >"$work/$1.log" 2>&1 </dev/null &
    pids+=($!)
}
listening() { grep -q 'is listening' "$work/$1.log"; }
fakes_start "$work" || exit 1
proxy google "$GOOGLE_SPEC" && google=$PROXY
proxy moneybird "$BOOKS_SPEC" && books=$PROXY
until_true 60 listening google && until_true 60 listening moneybird
is "the proxy reads both descriptions" 0 $?
PUBLIC_URL=https://bureau.example.test
fakes_up "$work" BUREAU_PUBLIC_URL=$PUBLIC_URL BUREAU_GOOGLE_API_URL="$google/calendar/v3" \
    BUREAU_MONEYBIRD_API_URL="$books/api/v2" || {
    not_ok "a stack behind the proxies starts" "$(tail -n 3 "$work"/stack/log/sync.log 2>/dev/null)"
    exit 1
}
open_lanes() { sql "UPDATE sync.lanes SET paused_until = '-infinity', failures = 0; UPDATE sync.budgets SET closed_until = '-infinity'; UPDATE sync.jobs SET run_at = now() WHERE kind = 'push'" >/dev/null; }

# --- a whole life ------------------------------------------------------------------------------------
register Johanna || exit 1
fake_set account johanna
fake_set employee "$EMAIL"
connect google_calendar "$TOKEN"
is "Google is connected" "302 connected" "$STATUS $(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION")"
connect moneybird "$TOKEN"
is "Moneybird is connected" "302 connected" "$STATUS $(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION")"
listed() { http GET /api/integrations "$TOKEN" && [[ $(jq -r '[.data[].calendars // [] | length] | max' <<<"$BODY") == 3 ]]; }
until_true 15 listed
is "calendars are listed" 0 $?
GOOGLE=$(jq -r '.data[] | select(.provider == "google_calendar").id' <<<"$BODY")
TEAM=$(jq -r '.data[].calendars // [] | .[] | select(.name == "Team").id' <<<"$BODY")
imported() { http GET "/api/$1" "$TOKEN" && [[ $(jq '[.data[] | select(.external_id != null)] | length' <<<"$BODY") == 2 ]]; }
until_true 15 imported clients && until_true 15 imported projects
is "contacts and projects are imported" 0 $?
PROJECT=$(jq -r '[.data[] | select(.is_active)][0].id' <<<"$BODY")
http GET /api/clients "$TOKEN"
CLIENT=$(jq -r '[.data[] | select(.external_id != null)][0].id' <<<"$BODY")

block() { # title [more JSON members]
    http POST /api/time-blocks "$TOKEN" "{\"title\":\"$1\",\"start_time\":\"2026-03-02T09:00:00\",
        \"end_time\":\"2026-03-02T10:00:30\",\"timezone\":\"Europe/Amsterdam\"${2:-}}"
    ID=$(jq -r .data.id <<<"$BODY")
    force
}
force() { http POST "/api/time-blocks/$ID/sync" "$TOKEN"; }
edit() { http PUT "/api/time-blocks/$ID" "$TOKEN" "$1" && force; }
statuses() { http GET "/api/time-blocks/$ID" "$TOKEN" && jq -r '.data | "\(.calendar_sync_status) \(.invoicing_sync_status)"' <<<"$BODY"; }
reached() { [[ $(statuses) == "$1" ]]; }
comes_to() { # claim, statuses
    until_true 15 reached "$2"
    is "$1" "$2" "$(statuses)"
    open_lanes
}
both="synced synced"
events() { fake_state "[.google.events[] | select(.summary == \"$1\")] | length"; }
entries() { fake_state "[.moneybird.entries[] | select(.description == \"$1\")] | length"; }

block plain ",\"client_id\":$CLIENT,\"project_id\":$PROJECT,\"description\":\"Talk\""
comes_to "a block is created at both" "$both"
edit '{"title":"changed"}'
comes_to "and changed" "$both"
edit '{"client_id":null}'
comes_to "what a change cannot say is made anew" "$both"
http PUT "/api/calendars/$TEAM" "$TOKEN" '{"is_enabled":true,"sync_direction":"push"}'
edit "{\"calendar_id\":$TEAM}"
comes_to "it is moved to another calendar" "$both"
http DELETE "/api/time-blocks/$ID" "$TOKEN"
gone() { [[ $(fake_state '(.google.events | length) + (.moneybird.entries | length)') == 0 ]]; }
until_true 15 gone
is "and deleted at both" 0 $?

foreign() { http GET "/api/time-blocks?start=2030-05-01&end=2030-05-03" "$TOKEN" && [[ $(jq '.data | length' <<<"$BODY") == "$1" ]]; }
look() { http POST "/api/integrations/$GOOGLE/sync" "$TOKEN"; }
fake_set event "johanna|dentist1|Dentist|2030-05-01T10:00:00+02:00|2030-05-01T11:00:00+02:00"
look
until_true 15 foreign 1
is "an event of others comes by the sync token" 0 $?
fake_set old_tokens 1
fake_set page_size 1
fake_set event "johanna|dentist2|Second|2030-05-02T10:00:00+02:00|2030-05-02T11:00:00+02:00"
look
until_true 15 foreign 2
is "after 410 the whole list is read, page by page" 0 $?
fake_set page_size 0
fake_set remove dentist2
look
until_true 15 foreign 1
is "a deleted one goes" 0 $?

# --- what goes wrong -----------------------------------------------------------------------------------
fault() { # claim, statuses, match, kind…
    local claim=$1 want=$2
    shift 2
    fake_fault "$@"
    block "fault $((++n))"
    comes_to "$claim" "$want"
}
n=0
g='POST /calendar/v3/calendars'
m='POST /api/v2/'
fault "Google 400" "failed synced" "$g" status status=400 reason=invalid
fault "Google 401" "$both" "$g" status status=401 reason=authError
fault "Google 403 rateLimitExceeded" "$both" "$g" status status=403 reason=rateLimitExceeded retry_after=1
fault "Google 429" "$both" "$g" status status=429 reason=rateLimitExceeded retry_after=1
fault "Google 500" "$both" "$g" status status=500 reason=backendError
fault "Google 503" "$both" "$g" status status=503 reason=backendError retry_after=1
fault "Google 409, after an answer was lost" "$both" "$g" drop_after
fault "Moneybird 401" "$both" "$m" status status=401 reason=expired
fault "Moneybird 401 without the scope" "synced failed" "$m" status status=401 reason="No access to time_entries"
fault "Moneybird 422" "synced failed" "$m" status status=422 reason=odd
fault "Moneybird 429" "$both" "$m" status status=429 retry_after=1
fault "Moneybird looks an entry up whose answer was lost" "$both" "$m" drop_after
fake_set plan 0
block "over the plan"
comes_to "Moneybird 402" "synced failed"
fake_set plan 1000000
force
comes_to "Moneybird 402: delivered once it is allowed" "$both"
fake_set etags 1
edit '{"title":"edited twice"}'
comes_to "Google 412" "$both"
fake_set lose "$(fake_state '.moneybird.entries[] | select(.description == "edited twice").id')"
fake_fault "PATCH /calendar" status status=410 reason=deleted
edit '{"title":"put back"}'
comes_to "Google 410, Moneybird 404" "$both"
fake_set invoice "$(fake_state '.moneybird.entries[] | select(.description == "put back").id')"
edit '{"title":"after the invoice"}'
comes_to "an invoiced entry" "synced failed"
fake_set expire 1
block "renewed"
comes_to "tokens are renewed" "$both"
http DELETE "/api/integrations/$GOOGLE" "$TOKEN"
is "Google is disconnected" 200 "$STATUS"

# --- what was asked, and what the proxies say ----------------------------------------------------------
asked() {
    curl -s "$FAKE/_fake/log" | jq -r '.[] | "\(.method) \(.path)"' | grep -E '/calendar/v3/|/api/v2/' |
        sed -E 's#/api/v2/[0-9]+/#/{administration}/#; s#/api/v2/#/#; s#time_entries/[0-9]+#time_entries/{id}#
            s#/calendar/v3/#/#; s#/calendars/[^/]+#/calendars/{id}#; s#/events/(tb|dentist)[^/]*#/events/{id}#' | sort | uniq -c
}
asked | sed 's/^/# /'
wanted="DELETE /calendars/{id}/events/{id}
DELETE /{administration}/time_entries/{id}.json
GET /administrations.json
GET /calendars/{id}/events
GET /calendars/{id}/events/{id}
GET /users/me/calendarList
GET /{administration}/contacts.json
GET /{administration}/projects.json
GET /{administration}/time_entries.json
GET /{administration}/time_entries/{id}.json
GET /{administration}/users.json
PATCH /calendars/{id}/events/{id}
PATCH /{administration}/time_entries/{id}.json
POST /calendars/{id}/events
POST /calendars/{id}/events/watch
POST /channels/stop
POST /{administration}/time_entries.json"
is "every request the worker knows was made" "$wanted" "$(asked | sed 's/^ *[0-9]* //' | LC_ALL=C sort -u)"
# Google's description tells no answer of channels/stop; it gives 204, as the fake does.
broken() { grep -iE 'violation|did not pass' "$work/$1.log" | grep -vF 'post /calendar/v3/channels/stop' | sort | uniq -c | sort -rn | head -n 12; }
is "Google's description allows every request and every answer" "" "$(broken google)"
is "Moneybird's too" "" "$(broken moneybird)"
is "no request before the provider's wait was over" "0,0,0" "$(fake_state '.early | join(",")')"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"

# They must be able to find something.
wrong() { curl -s -m 10 -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer x' -H 'Content-Type: application/json' "$@"; }
is "a request that is none is refused" "422 422" \
    "$(wrong -d '{"start":1}' "$google/calendar/v3/calendars/c/events") $(wrong -d '{"time_entry":{"user":"1"}}' "$books/api/v2/1/time_entries.json")"
fake_fault "GET /api/v2/administrations.json" status status=418
wrong "$books/api/v2/administrations.json" >/dev/null
like "an answer that is none is told" "Unable to match the returned status" "$(broken moneybird)"
