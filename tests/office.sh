#!/bin/bash
# office.sh - time blocks reach calendars of Microsoft Graph once, whatever breaks on the way.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
fakes_begin
register Satya || exit 1
http GET /api/integrations/available "$TOKEN"
is "it is listed as available" "true null" "$(jq -r '.data.calendar[] | select(.key == "office365_calendar") | "\(.available) \(.coming_soon)"' <<<"$BODY")"
connect office365_calendar "$TOKEN"
is "it is connected" "302 connected" "$STATUS $(sed -n 's/.*status=\([a-z]*\).*/\1/p' <<<"$LOCATION")"
have_calendars() {
    http GET /api/integrations "$TOKEN"
    [[ $(jq -r '[.data[].calendars | length] | max' <<<"$BODY") == 3 ]]
}
until_true 10 have_calendars
is "its calendars are listed, the default one is used" "true false false" \
    "$(jq -r '[.data[0].calendars[].is_enabled] | map(tostring) | join(" ")' <<<"$BODY")"
is "whose it is" "Satya's Outlook calendar satya@office.test" "$(jq -r '.data[0] | "\(.name) \(.account_email)"' <<<"$BODY")"
OFFICE=$(jq -r '.data[0].id' <<<"$BODY")
TEAM=$(jq -r '.data[0].calendars[] | select(.name == "Team").id' <<<"$BODY")
MAIN=$(jq -r '.data[0].calendars[] | select(.name == "Calendar").id' <<<"$BODY")
http PUT "/api/calendars/$MAIN" "$TOKEN" '{"sync_direction":"both"}'
is "its calendars are only written to" '422 ["This calendar can only be written to."]' "$STATUS $(jq -c .errors.sync_direction <<<"$BODY")"
http GET "/api/integrations/$OFFICE/calendars" "$TOKEN"
is "as the list of them says" 'Calendar writer true push,Team writer false push,Birthdays reader false push' \
    "$(jq -r '[.data[] | "\(.name) \(.access) \(.is_enabled) \(.sync_direction)"] | join(",")' <<<"$BODY")"
http PUT "/api/calendars/$(jq '.data[] | select(.access == "reader").id' <<<"$BODY")" "$TOKEN" '{"is_enabled":true}'
is "one that may not be written to is of no use" '422 ["This calendar can only be read."]' "$STATUS $(jq -c .errors.is_enabled <<<"$BODY")"
health() { http GET /api/integrations "$TOKEN" && jq -r '.data[0] | "\(.needs_reconnect) \(.last_error) \(.last_sync_at != null)"' <<<"$BODY"; }
healthy() { [[ $(health) == "false null true" ]]; }

block() {
    http POST /api/time-blocks "$TOKEN" "{\"title\":\"$1\",\"start_time\":\"2026-03-02T09:00:00\",
        \"end_time\":\"2026-03-29T10:00:30\",\"timezone\":\"Europe/Amsterdam\"${2:-}}"
    ID=$(jq -r .data.id <<<"$BODY")
}
force() { http POST "/api/time-blocks/$ID/sync" "$TOKEN"; }
edit() { http PUT "/api/time-blocks/$ID" "$TOKEN" "$1"; }
show() { http GET "/api/time-blocks/$ID" "$TOKEN" && jq -r ".data.$1" <<<"$BODY"; }
reached() { [[ $(show calendar_sync_status) == "$1" ]]; }
events() { fake_state "[.office[] | select(.subject == \"$1\")] | length"; }
none() { [[ $(events "$1") == 0 ]]; }
open_lanes() { sql "UPDATE sync.lanes SET paused_until = '-infinity', failures = 0" >/dev/null; }

block plain
force
until_true 10 reached synced
is "a block is delivered" "synced 1" "$(show calendar_sync_status) $(events plain)"
is "with its times in UTC" "2026-03-02T08:00:00 UTC 2026-03-29T08:00:30" \
    "$(fake_state '.office[0] | "\(.start.dateTime) \(.start.timeZone) \(.end.dateTime)"')"

# row CLAIM STATUS KIND [name=value…]: a creation meets the fault.
rows=0
row() {
    local claim=$1 want=$2 name="row$((++rows))"
    shift 2
    fake_fault "POST /v1.0/me/calendars" "$@"
    block "$name"
    force
    until_true 20 reached "$want"
    is "$claim" "$want $([[ $want == synced ]] && echo 1 || echo 0)" "$(show calendar_sync_status) $(events "$name")"
    open_lanes
}
row "401: renewed" synced status status=401 reason=InvalidAuthenticationToken
row "429 with a wait" synced status status=429 reason=TooManyRequests retry_after=3
row "500" synced status status=500 count=3
row "503 with a wait" synced status status=503 retry_after=2
row "HTML instead of JSON" synced html status=502
row "cut before" synced drop_before count=2
row "cut after it was created" synced drop_after
row "half an answer" synced half
row "a slow answer" synced delay ms=6000
fake_set office_twins 1
row "cut after it was created, and 409 the second time" synced drop_after
fake_set office_twins 0
row "400: the reason is shown" failed status status=400 reason=ErrorInvalidRequest
like "the reason" "Office 365 refused it" "$(show calendar_sync_error)"
force
until_true 10 reached synced
is "a retry by hand delivers it" synced "$(show calendar_sync_status)"

fake_fault "POST /v1.0/me/calendars" drop_after
block older
force
sleep 0.1
edit '{"title":"newer"}'
force
until_true 15 reached synced
is "edited while the answer was lost: one event, the last state" "0 1" "$(events older) $(events newer)"
edit '{"title":"edited"}'
force
until_true 10 reached synced
is "an edit" "0 1" "$(events newer) $(events edited)"
fake_set office_remove "$(fake_state '.office[] | select(.subject == "edited").id')"
edit '{"title":"put back"}'
force
until_true 10 reached synced
is "deleted there: put back" 1 "$(events "put back")"
http PUT "/api/calendars/$TEAM" "$TOKEN" '{"is_enabled":true}'
is "another calendar is switched on" 200 "$STATUS"
is "by whom is in the log of changes" "$USER_ID update [false, true]" \
    "$(sql "SELECT user_id || ' ' || op || ' ' || (changes ->> 'is_enabled') FROM core.audit WHERE resource = 'calendar' AND row_id = $TEAM")"
edit "{\"calendar_id\":$TEAM}"
force
until_true 10 reached synced
is "moved, not doubled" "1 AAMkTeam=" "$(events "put back") $(fake_state '.office[] | select(.subject == "put back")._calendar')"
http DELETE "/api/time-blocks/$ID" "$TOKEN"
until_true 10 none "put back"
is "deleted: gone there" 0 "$(events "put back")"

fake_fault "POST /v1.0/me/calendars" drop_after
block unheard
force
created() { [[ $(events unheard) == 1 ]]; }
until_true 5 created
http DELETE "/api/time-blocks/$ID" "$TOKEN"
until_true 15 none unheard
is "deleted before its id was heard of: gone there" 0 "$(events unheard)"

kill_at() { # match
    local pid i
    fake_fault "$1" delay ms=1500
    pid=$(pid_alive sync)
    force &
    for ((i = 0; i < 80; i++)); do
        [[ $(fake_state '[.faults[] | select(.count > 0)] | length') == 0 ]] && break
        sleep 0.1
    done
    kill -KILL "$pid"
    wait $!
    until_true 30 reached synced
}
block killed1
kill_at "POST /v1.0/me/calendars"
is "killed while it creates: once" "synced 1" "$(show calendar_sync_status) $(events killed1)"
edit '{"title":"killed2"}'
kill_at "PATCH /v1.0"
is "killed while it changes: once" "synced 0 1" "$(show calendar_sync_status) $(events killed1) $(events killed2)"

fake_set office_dead 1
fake_set office_expire 1
block revoked
force
until_true 10 reached failed
like "revoked: the reason is shown" "Connect the account again" "$(show calendar_sync_error)"
like "and on the account" "^true The access was revoked or has ended. Connect the account again. true$" "$(health)"
fake_set office_dead 0
connect office365_calendar "$TOKEN"
until_true 15 reached synced
is "connected again: it goes on by itself, once" "synced 1" "$(show calendar_sync_status) $(events revoked)"
until_true 10 healthy
is "that it had to be connected, and was, is in the log of changes" "[false, true],[true, false]" \
    "$(sql "SELECT string_agg(changes ->> 'needs_reconnect', ',' ORDER BY id) FROM core.audit WHERE resource = 'integration' AND row_id = $OFFICE AND op = 'update'")"
is "and the account is well" "false null true" "$(health)"
fake_fault "POST /v1.0/me/calendars" status status=404 reason=ErrorItemNotFound
block nowhere
force
until_true 10 reached failed
like "the calendar is gone: the reason is shown" "calendar is gone" "$(show calendar_sync_error)"
http DELETE "/api/integrations/$OFFICE" "$TOKEN"
is "it is disconnected" 200 "$STATUS"
is "its tokens are wiped, and nothing waits" "t 0" "$(sql "SELECT sealed IS NULL FROM sync.integrations WHERE id = $OFFICE") $(sql "SELECT count(*) FROM sync.jobs WHERE integration_id = $OFFICE")"
block later
is "blocks go nowhere" "none 0" "$(show calendar_sync_status) $(events later)"
connect office365_calendar "$TOKEN"
http GET /api/integrations "$TOKEN"
is "the same account is the same integration" "$OFFICE" "$(jq -r '[.data[].id] | join(",")' <<<"$BODY")"

is "no request before the provider's wait was over" "0,0,0" "$(fake_state '.early | join(",")')"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
is "no token and no secret is in a log" "" "$(grep -hoE 'eyJ0\.office|office-refresh|office-secret|M\.C[0-9]+' "$work"/stack/log/*.log | sort -u | head -n 3)"
