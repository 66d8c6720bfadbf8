#!/bin/bash
# sync_rules.sh - what is delivered where, when nothing is broken: the providers' ids, minutes and burnt
# names, directions, what one change cannot say, what is not deleted, and the budget of an address.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
fakes_begin BUREAU_SYNC_WORKERS=0
workers() { # how many processes, their settings
    local i n=$1
    shift
    for ((i = 1; i <= n; i++)); do
        env BUREAU_BIND="ipc://$RUN/worker$i.ipc" BUREAU_SYNC_WORKERS=4 "$@" "$BUREAU_BIN/bureau-sync" >>"$work/worker.log" 2>&1 </dev/null &
        pids+=($!)
    done
}
stop_workers() {
    kill "${pids[@]}" 2>/dev/null
    wait "${pids[@]}" 2>/dev/null
    pids=()
}
workers 1

# join NAME: an organization with Google and Moneybird.
join() {
    register "$1" || exit 1
    fake_set account "$1"
    fake_set employee "$EMAIL"
    connect google_calendar "$TOKEN"
    connect moneybird "$TOKEN"
    until_true 60 have_both
}
have_both() { http GET /api/clients "$TOKEN" && [[ $(jq '[.data[] | select(.external_id != null)] | length' <<<"$BODY") == 2 ]] &&
    [[ $(sql "SELECT count(*) FROM sync.calendars WHERE organization_id = $ORG") == 3 ]]; }
join johanna
is "contacts and calendars are here" 0 $?
first_org=$ORG first_user=$USER_ID
http GET /api/clients "$TOKEN"
CLIENT=$(jq -r '[.data[] | select(.external_id != null)][0].id' <<<"$BODY") CONTACT=$(jq -r '[.data[] | select(.external_id != null)][0].external_id' <<<"$BODY")
calendar() { sql "SELECT id FROM sync.calendars WHERE organization_id = $ORG AND name = '$1'"; }
PRIMARY=$(calendar Primary) TEAM=$(calendar Team)

block() { # title [more JSON members]
    http POST /api/time-blocks "$TOKEN" "{\"title\":\"$1\",\"start_time\":\"2026-03-02T09:00:20\",
        \"end_time\":\"2026-03-02T10:00:30\",\"timezone\":\"Europe/Amsterdam\"${2:-}}"
    ID=$(jq -r .data.id <<<"$BODY")
    force
}
force() { http POST "/api/time-blocks/$ID/sync" "$TOKEN"; }
edit() { http PUT "/api/time-blocks/$ID" "$TOKEN" "$1" && force; }
shown() { http GET "/api/time-blocks/$ID" "$TOKEN" && jq -r ".data | $1" <<<"$BODY"; }
statuses() { shown '"\(.calendar_sync_status) \(.invoicing_sync_status)"'; }
reached() { [[ $(statuses) == "$1" ]]; }
comes_to() { # claim, statuses
    until_true 30 reached "$2"
    is "$1" "$2" "$(statuses)"
}
both="synced synced"
event() { fake_state "[.google.events[] | select(.summary == \"$1\")] | $2"; }
entry() { fake_state "[.moneybird.entries[] | select(.description == \"$1\")] | $2"; }
asked() { curl -s "$FAKE/_fake/log" | jq "[.[] | select(.path | startswith(\"/api/v2/\")) | select(.method != \"GET\")] | length"; }

# --- Moneybird's numbers and minutes -----------------------------------------------------------------------
block minutes ",\"client_id\":$CLIENT"
comes_to "a block of a client is at both" "$both"
like "ids are longer than a double holds, and stay whole" '^[0-9]{18} true$' \
    "$CONTACT $(entry minutes ".[0].contact_id == \"$CONTACT\"")"
is "the entry's too" "$(entry minutes '.[0].id')" "$(shown .external_ids.invoicing_entry_id)"
is "its times are whole minutes" "2026-03-02T08:00:00.000Z 2026-03-02T09:00:00.000Z true" "$(entry minutes '.[0] | "\(.started_at) \(.ended_at) \(.billable)"')"
before=$(asked)
edit '{"end_time":"2026-03-02T10:00:45"}'
comes_to "seconds more are no change there" "$both"
is "so nothing is sent" "$before" "$(asked)"
like "but to Google" ":45" "$(event minutes '.[0].end.dateTime')"
edit '{"is_billable":false}'
comes_to "an hour that is not billable is logged all the same" "$both"
is "as what it is" "1 false" "$(entry minutes 'length') $(entry minutes '.[0].billable')"
old=$(entry minutes '.[0].id')
edit '{"client_id":null}'
comes_to "what a change cannot say" "$both"
is "is made anew" "1 null true" "$(entry minutes length) $(entry minutes '.[0].contact_id') $(entry minutes ".[0].id != \"$old\"")"
sql "UPDATE accounts.users SET email = 'other.$EMAIL' WHERE id = $USER_ID" >/dev/null
block nobody
comes_to "who is no employee there" "synced failed"
is "is named" "Moneybird knows no employee with the address other.$EMAIL." "$(shown .invoicing_sync_error)"
sql "UPDATE accounts.users SET email = '$EMAIL' WHERE id = $USER_ID" >/dev/null
force
comes_to "and delivered when she is" "$both"

# --- Google's names, and what it does not find at once --------------------------------------------------------
block burnt
comes_to "a block in one calendar" "$both"
http PUT "/api/calendars/$TEAM" "$TOKEN" '{"is_enabled":true,"sync_direction":"push"}'
for to in "$TEAM" "$PRIMARY" "$TEAM" null; do
    edit "{\"calendar_id\":$to}"
    comes_to "is moved to another ($to)" "$both"
done
is "and stands once, under a name of its own each time" "1 g4" "$(event burnt length) $(shown .external_ids.calendar_event_id | grep -o 'g[0-9]*$')"
fake_fault "PATCH /calendar" status status=404 reason=notFound
edit '{"title":"found later"}'
comes_to "an event that is not found at once is looked for again" "$both"
is "and not doubled" "0 1" "$(event burnt length) $(event "found later" length)"
fake_fault "POST /calendar/v3/calendars" drop_after
fake_fault "/events/tb" status status=404 reason=notFound
block lagging
comes_to "nor is one whose creation was not heard of" "$both"
is "it stands once" 1 "$(event lagging length)"
fake_fault "DELETE /calendar" status status=404 reason=notFound
http DELETE "/api/time-blocks/$ID" "$TOKEN"
taken() { [[ $(event lagging length) == 0 ]]; }
until_true 30 taken
is "nor is it left there when it is taken away before it is found" 0 $?

# --- directions -------------------------------------------------------------------------------------------------
foreign() { http GET "/api/time-blocks?start=2030-05-01&end=2030-05-02" "$TOKEN" && [[ $(jq '.data | length' <<<"$BODY") == "$1" ]]; }
fake_set empty_page 1
http PUT "/api/calendars/$PRIMARY" "$TOKEN" '{"sync_direction":"pull"}'
block pulled
comes_to "a calendar that is only read gets no block" "none synced"
fake_set event "johanna|dentist1|Dentist|2030-05-01T10:00:00+02:00|2030-05-01T11:00:00+02:00"
until_true 30 foreign 1
is "what stands there is shown, behind a page with nothing on it" Dentist "$(jq -r '.data[0].title' <<<"$BODY")"
http PUT "/api/calendars/$PRIMARY" "$TOKEN" '{"sync_direction":"both"}'
force
comes_to "both ways it gets it" "$both"

# --- moved to another calendar, there ---------------------------------------------------------------------------
http PUT "/api/calendars/$TEAM" "$TOKEN" '{"sync_direction":"both"}'
read_at() { sql "UPDATE sync.jobs SET run_at = '$2' WHERE kind = 'pull' AND record_id = $1" >/dev/null; } # calendar, when
held() { # not even under way
    read_at "$1" infinity
    [[ $(sql "SELECT run_at = 'infinity' AND NOT EXISTS (SELECT FROM sync.lanes WHERE job_id = j.id) FROM sync.jobs j WHERE kind = 'pull' AND record_id = $1") == t ]]
}
lies_in() { [[ $(sql "SELECT calendar_id FROM billing.time_blocks WHERE id = $ID AND deleted_at IS NULL") == "$1" ]]; }
gone() { [[ $(sql "SELECT deleted_at IS NOT NULL FROM billing.time_blocks WHERE id = $ID") == t ]]; }
read_both() { [[ $(sql "SELECT count(*) FROM sync.calendars WHERE id IN ($PRIMARY, $TEAM) AND sync_token IS NOT NULL") == 2 ]]; }
until_true 30 read_both
block "dragged 1" ",\"calendar_id\":$PRIMARY"
comes_to "a block" "$both"
until_true 20 held "$PRIMARY"
fake_set move "$(event "dragged 1" '.[0].id')|johanna"
until_true 30 lies_in "$TEAM"
is "whose event is moved goes along" 0 $?
read_at "$PRIMARY" now
edit '{"title":"dragged on"}'
comes_to "and is changed where it lies" "$both"
is "once" "team#johanna@group.calendar.test 1 1" "$(event "dragged on" '.[0]._calendar') $(event "dragged on" length) $(entry "dragged on" length)"
block "dragged 2" ",\"calendar_id\":$PRIMARY"
comes_to "another" "$both"
until_true 20 held "$TEAM"
fake_set move "$(event "dragged 2" '.[0].id')|johanna"
until_true 30 gone
is "that is gone from the one calendar before it is seen in the other" 0 $?
no_entry() { [[ $(entry "dragged 2" length) == 0 && $(sql "SELECT status FROM sync.links WHERE record_id = $ID AND provider_type = 'invoicing'") == none ]]; }
until_true 30 no_entry
is "and from the hours" 0 $?
read_at "$TEAM" now
until_true 30 lies_in "$TEAM"
is "is back then" 0 $?
comes_to "at both sides" "$both"
is "its hours, too" 1 "$(entry "dragged 2" length)"
edit '{"title":"dragged off"}'
comes_to "and is changed where it lies, too" "$both"
is "once, too" "team#johanna@group.calendar.test 1 1" "$(event "dragged off" '.[0]._calendar') $(event "dragged off" length) $(entry "dragged off" length)"
is "its history has all of it" "create,delete,restore,update" "$(sql "SELECT string_agg(DISTINCT op, ',' ORDER BY op) FROM core.audit WHERE resource = 'time_block' AND row_id = $ID")"

# --- a calendar that was emptied ------------------------------------------------------------------------------------
mine() { sql "SELECT count(*) FROM billing.time_blocks WHERE organization_id = $ORG AND title LIKE 'many %' AND deleted_at IS NULL"; }
http POST /api/time-blocks/bulk "$TOKEN" "$(jq -nc '{records: [range(25) | {title: "many \(.)",
    start_time: (1900000000 + . * 3600 | todate), end_time: (1900001800 + . * 3600 | todate)}]}')"
many() { [[ $(fake_state '[.google.events[] | select(.summary | startswith("many "))] | length') == 25 &&
    $(sql "SELECT count(*) FROM sync.jobs WHERE organization_id = $ORG AND kind = 'push'") == 0 ]]; }
until_true 60 many
is "25 blocks are in the calendar" 0 $?
for id in $(fake_state '.google.events[] | select(.summary | startswith("many ")).id'); do fake_set remove "$id"; done
warned() { [[ $(sql "SELECT last_error LIKE 'Many events were deleted%' FROM sync.calendars WHERE id = $PRIMARY") == t ]]; }
until_true 60 warned
is "all are deleted there: the calendar says what was kept" 0 $?
is "20 blocks go, the rest is kept" 5 "$(mine)"
ID=$(sql "SELECT min(id) FROM billing.time_blocks WHERE organization_id = $ORG AND title LIKE 'many %' AND deleted_at IS NULL")
edit '{"title":"many and one"}'
comes_to "one that is kept" "$both"
is "is put back with its next change" 1 "$(event "many and one" length)"
until_true 20 held "$TEAM"
fake_set move "$(event "many and one" '.[0].id')|johanna"
let_go() { [[ $(sql "SELECT external_id IS NULL FROM sync.links WHERE record_id = $ID AND provider_type = 'calendar'") == t ]]; }
until_true 30 let_go
is "moved to another calendar, it is kept as well" 5 "$(mine)"
read_at "$TEAM" now
until_true 30 lies_in "$TEAM"
is "and goes along" 0 $?
edit '{"title":"many and off"}'
comes_to "it is changed where it lies" "$both"
is "and stands once" "team#johanna@group.calendar.test 1" "$(event "many and off" '.[0]._calendar') $(event "many and off" length)"
stop_workers

# --- the budget of an address -----------------------------------------------------------------------------------------
workers 1
join second
stop_workers
second_org=$ORG
sql "DELETE FROM sync.budgets; DELETE FROM sync.jobs WHERE kind <> 'push'; UPDATE sync.lanes SET lease_until = NULL" >/dev/null
for who in "$first_org $first_user" "$ORG $USER_ID"; do
    sql "SELECT set_config('bureau.org', '${who% *}', false); WITH b AS (INSERT INTO billing.time_blocks (user_id, title, start_time, end_time)
        SELECT ${who#* }, 'budget ' || n, '2026-06-01'::timestamptz + n * interval '1 hour', '2026-06-01'::timestamptz + n * interval '1 hour 30 minutes'
        FROM generate_series(1, 40) n RETURNING id) SELECT count(sync.enqueue('time_block', id, 'again')) FROM b" >/dev/null
done
known=$(curl -s "$FAKE/_fake/log" | jq '[.[] | select(.path | startswith("/api/v2/"))] | length')
spent() { curl -s "$FAKE/_fake/log" | jq "[.[] | select(.path | startswith(\"/api/v2/\"))][$known:] | $1"; }
workers 2 BUREAU_MONEYBIRD_BUDGET=150
used_up() { (($(spent length) >= 32)); }
until_true 90 used_up
is "two processes and two organizations use a budget up" 0 $?
is "they share its burst, and then what it gives by the second" true \
    "$(spent '((.[-1].at - .[0].at) / 1000) as $s | length <= 30 + $s * 110 / 300 + 2')"
share() { sql "SELECT count(*) FROM sync.links WHERE organization_id = $1 AND provider_type = 'invoicing' AND status = 'synced' AND record_id IN
    (SELECT id FROM billing.time_blocks WHERE title LIKE 'budget %')"; }
each_has() { a=$(share "$first_org") b=$(share "$second_org") && ((a >= 6 && b >= 6)); } # by turns, once the burst is over
until_true 90 each_has
is "each has its turns ($a and $b)" 0 $?
stop_workers

is "no request before the provider's wait was over" "0,0,0" "$(fake_state '.early | join(",")')"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
