#!/bin/bash
# billing_parallel.sh - 32 writers at once where overlaps are refused, timers started and stopped at
# once, external blocks, and the bytes of a calendar feed.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
PG_SOCKET=$RUN/pg
WRITERS=32

sql() { pg_sql bureau -c "$1" 2>&1; }

# Requests of one client over 32 connections at once, "VERB PATH BODY" a line; prints codes by count.
at_once() {
    local verb path body
    while read -r verb path body; do
        printf 'next\nsilent\nmax-time = 60\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\n'
        printf 'request = %s\nurl = "%s"\nheader = "Authorization: Bearer %s"\n' "$verb" "$URL$path" "$TOKEN"
        printf 'header = "Content-Type: application/json"\ndata = "%s"\n' "${body//\"/\\\"}"
    done | sed 1d | curl --parallel --parallel-immediate --parallel-max 32 --config - 2>/dev/null |
        sort | uniq -c | awk '{ printf "%s%s x %s", s, $1, $2; s = ", " }'
}

# many COUNT LINE: the line that often, {} being the number from 10.
many() {
    local i
    for ((i = 10; i < 10 + $1; i++)); do printf '%s\n' "${2//\{\}/$i}"; done
}

# How many pairs of the organization's live blocks of one user overlap.
overlapping() {
    sql "SELECT count(*) FROM billing.time_blocks a JOIN billing.time_blocks b
            ON b.organization_id = a.organization_id AND b.user_id = a.user_id AND b.id > a.id
           AND b.start_time < a.end_time AND a.start_time < b.end_time
         WHERE a.organization_id = $ORG AND a.deleted_at IS NULL AND b.deleted_at IS NULL"
}

live() { sql "SELECT count(*) FROM billing.time_blocks WHERE organization_id = $ORG AND deleted_at IS NULL"; }

register Planner || exit 1
http PUT /api/settings "$TOKEN" '{"overlap":"refuse"}'
is "an organization refuses overlaps" 200 "$STATUS"

# --- writers ----------------------------------------------------------------------------------------

for day in {10..29}; do
    many $WRITERS "POST /api/time-blocks {\"title\":\"{}\",\"start_time\":\"2026-05-${day}T09:{}:00Z\",\"end_time\":\"2026-05-${day}T10:30:00Z\"}"
done >"$RUN/writers"
is "of 32 writers of each of 20 hours one wins" "20 x 201, 620 x 422" "$(at_once <"$RUN/writers")"
rm -f -- "$RUN/writers"
is "nothing overlaps" 0 "$(overlapping)"
is "the winners are there" 20 "$(live)"

ids=()
for ((i = 0; i < WRITERS; i++)); do
    http POST /api/time-blocks "$TOKEN" "{\"title\":\"$i\",\"start_time\":\"2026-06-$((i % 28 + 1))T0$((i / 28)):00:00Z\",\"end_time\":\"2026-06-$((i % 28 + 1))T0$((i / 28)):30:00Z\"}"
    ids+=("$(jq -r .data.id <<<"$BODY")")
done
is "writers of different hours all win" $((WRITERS + 20)) "$(live)"

got=$(printf 'PUT /api/time-blocks/%s {"start_time":"2026-07-01T09:00:00Z","end_time":"2026-07-01T10:00:00Z"}\n' "${ids[@]}" | at_once)
is "of 32 blocks moved to one hour one moves" "1 x 200, 31 x 422" "$got"
is "still nothing overlaps" 0 "$(overlapping)"

# Eight in the trash at the same hour: one comes back.
sql "UPDATE billing.time_blocks SET deleted_at = now(), start_time = '2026-08-01T09:00:00Z',
     end_time = '2026-08-01T10:00:00Z' WHERE id IN ($(IFS=,; echo "${ids[*]:0:8}"))" >/dev/null
got=$(printf 'POST /api/time-blocks/%s/restore {}\n' "${ids[@]:0:8}" | at_once)
is "of eight restored at once one comes back" "1 x 200, 7 x 409" "$got"
is "and nothing overlaps" 0 "$(overlapping)"

# --- a lock against writers -------------------------------------------------------------------------

http PUT /api/settings "$TOKEN" '{"overlap":"allow"}'
many 64 'POST /api/time-blocks {"title":"{}","start_time":"2026-09-10T09:00:00Z","end_time":"2026-09-10T10:00:00Z"}' |
    at_once >/dev/null &
http POST /api/locked-periods "$TOKEN" '{"start_date":"2026-09-01","end_date":"2026-09-30"}'
after=$(live)
wait $!
is "once a period is locked no block comes into it any more" "$after" "$(live)"

# --- timers -----------------------------------------------------------------------------------------

is "of 32 timers started at once one runs" "1 x 201, 31 x 409" "$(many 32 'POST /api/timers/start {"title":"{}"}' | at_once)"
before=$(live)
is "it stops once" "1 x 200, 31 x 404" "$(many 32 'POST /api/timers/stop {"title":"{}"}' | at_once)"
is "and is one block" $((before + 1)) "$(live)"

http POST /api/timers/start "$TOKEN" '{"title":"Edited"}'
before=$(live)
got=$({ many 24 'PUT /api/timers/current {"title":"{}"}'; echo 'POST /api/timers/stop {}'; many 24 'PUT /api/timers/current {"description":"{}"}'; } | at_once)
like "edited by 48 while it is stopped, each edit is before or after" '^([0-9]+) x 200(, [0-9]+ x 404)?$' "$got"
is "and it is one block" $((before + 1)) "$(live)"
http GET /api/timers/current "$TOKEN"
is "and no timer" null "$(jq .data <<<"$BODY")"

# --- edits against locks and bills --------------------------------------------------------------------

many 32 'POST /api/time-blocks {"title":"{}","start_time":"2026-11-10T09:00:00Z","end_time":"2026-11-10T10:00:00Z"}' | at_once >/dev/null
ids=($(sql "SELECT id FROM billing.time_blocks WHERE organization_id = $ORG AND start_time = '2026-11-10T09:00:00Z' ORDER BY id"))
# What the blocks of that day are, to compare with what they are later.
standing() { sql "SELECT md5(string_agg(id || title || start_time || coalesce(deleted_at::text, ''), ',' ORDER BY id)) FROM billing.time_blocks WHERE id IN ($(IFS=,; echo "${ids[*]}"))"; }
{
    printf 'PUT /api/time-blocks/%s {"title":"moved","start_time":"2026-11-10T08:00:00Z"}\n' "${ids[@]:0:16}"
    printf 'DELETE /api/time-blocks/%s {}\n' "${ids[@]:16}"
} | at_once >"$RUN/edits" &
http POST /api/locked-periods "$TOKEN" '{"start_date":"2026-11-01","end_date":"2026-11-30"}'
lock=$(jq .data.id <<<"$BODY") after=$(standing)
wait $!
is "once a period is locked nothing in it changes any more" "$after" "$(standing)"
like "edits were before it, or refused" '^([0-9]+ x (200|409|422)(, )?)+$' "$(cat "$RUN/edits")"
rm -f -- "$RUN/edits"
http DELETE "/api/locked-periods/$lock" "$TOKEN"

http POST /api/clients "$TOKEN" '{"name":"Billed Ltd"}'
client=$(jq .data.id <<<"$BODY")
many 24 "POST /api/time-blocks {\"title\":\"{}\",\"client_id\":$client,\"start_time\":\"2026-10-12T09:00:00Z\",\"end_time\":\"2026-10-12T10:00:00Z\"}" | at_once >/dev/null
ids=($(sql "SELECT id FROM billing.time_blocks WHERE organization_id = $ORG AND client_id = $client ORDER BY id"))
{
    printf 'PUT /api/time-blocks/%s {"title":"later"}\n' "${ids[@]:0:12}"
    printf 'DELETE /api/time-blocks/%s {}\n' "${ids[@]:12}"
} | at_once >"$RUN/edits" &
http POST "/api/clients/$client/billed-hours" "$TOKEN" '{"end":"2026-10-12","reference":"R-1"}'
billed=$(jq -r '.data.block_ids | join(",")' <<<"$BODY") after=$(standing)
wait $!
is "what is billed does not change any more" "$after$after" "$(standing)$after"
rm -f -- "$RUN/edits"
is "and nothing that is billed is deleted" 0 "$(sql "SELECT count(*) FROM billing.time_blocks WHERE id IN (${billed:-0}) AND deleted_at IS NOT NULL")"
got=$(many 16 "POST /api/clients/$client/billed-hours {\"end\":\"2026-12-31\",\"reference\":\"R-{}\"}" | at_once)
is "billed by 16 at once, each block is billed once" "16 x 200 0" \
    "$got $(sql "SELECT count(*) FROM (SELECT row_id FROM core.audit WHERE organization_id = $ORG AND changes ? 'billed_at' GROUP BY 1 HAVING count(*) > 1) twice")"

# --- external blocks --------------------------------------------------------------------------------

external=$(sql "INSERT INTO billing.time_blocks (organization_id, user_id, title, start_time, end_time, origin)
    VALUES ($ORG, $USER_ID, 'Dentist', '2026-10-05T09:00:00Z', '2026-10-05T10:00:00Z', 'google_calendar')
    RETURNING id" | head -n 1)
http GET "/api/time-blocks?start=2026-10-05&end=2026-10-05" "$TOKEN"
is "an external block is listed and counts for nothing" '["google_calendar",0,{}]' \
    "$(jq -c '[.data[0].origin, .meta.total_hours, .meta.by_day]' <<<"$BODY")"
http GET "/api/reports/time?start=2026-10-05&end=2026-10-05" "$TOKEN"
is "nor in a report" '[]' "$(jq -c .data <<<"$BODY")"
for call in "PUT $external" "DELETE $external" "POST $external/sync"; do
    http "${call% *}" "/api/time-blocks/${call#* }" "$TOKEN" '{"title":"Mine"}'
    is "${call% *} on it is refused" '403 External events are read-only.' "$STATUS $(jq -r .message <<<"$BODY")"
done
http PUT /api/settings "$TOKEN" '{"overlap":"refuse"}'
http POST /api/time-blocks "$TOKEN" '{"title":"Beside it","start_time":"2026-10-05T09:00:00Z","end_time":"2026-10-05T10:00:00Z"}'
is "it is in nobody's way" 201 "$STATUS"

# --- a feed -----------------------------------------------------------------------------------------

near=$(date -u -d tomorrow +%Y-%m-%d)
http POST /api/time-blocks "$TOKEN" "{\"title\":\"Board; budget, é and ünïcödé until the line has to be folded somewhere\",\"description\":\"a\\\\b\\nEND:VCALENDAR\",\"start_time\":\"${near}T09:00:00+02:00\",\"end_time\":\"${near}T10:00:00+02:00\"}"
block=$(jq -r .data.id <<<"$BODY")
http POST /api/planner-feeds "$TOKEN" '{}'
feed=$(jq -r .data.id <<<"$BODY") address=$(jq -r .data.url <<<"$BODY")
address=$URL/planner/${address##*/}
got=$(curl -s -m 20 -w '\n%{http_code} %{content_type}' "$address")
is "the address alone opens it" "200 text/calendar; charset=utf-8" "$(tail -n 1 <<<"$got")"
unfolded=$(sed -z 's/\r\n //g; s/\r//g' <<<"$got")
like "the block is in it, in UTC" "DTSTART:${near//-/}T070000Z" "$unfolded"
like "with an id of its own" "UID:block-$ORG-$block@bureau" "$unfolded"
like "text is escaped" 'SUMMARY:Board\\; budget\\, é and ünïcödé until' "$unfolded"
is "no text ends the calendar" 1 "$(grep -c '^END:VCALENDAR' <<<"$unfolded")"
is "no line is longer than 75 octets" 0 "$(LC_ALL=C awk '{ sub(/\r$/, "") } length($0) > 75' <<<"$(head -n -1 <<<"$got")" | wc -l)"
is "external blocks are not in it" 0 "$(grep -c Dentist <<<"$got")"
is "the secret is not stored" 0 "$(sql "SELECT count(*) FROM billing.feeds WHERE position(hash in '$address') > 0")"
http DELETE "/api/planner-feeds/$feed" "$TOKEN"
is "revoked, it is gone" 404 "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$address")"

# --- many records, in a table that was empty a moment ago ------------------------------------------------
register Grower
bulk() { # how many, from which day on
    http POST /api/time-blocks/bulk "$TOKEN" "$(jq -nc "{records: [range($1) | {title: \"b\\(.)\",
        start_time: (1800000000 + $2 * 86400 + . * 60 | todate), end_time: (1800000030 + $2 * 86400 + . * 60 | todate)}]}")"
}
rows_read() { sql "SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables WHERE relid = 'billing.time_blocks'::regclass"; }
for i in 1 2 3; do bulk 20 "$i"; done
is "a few blocks at once" '200 "20 done, 0 refused."' "$STATUS $(jq -c .message <<<"$BODY")"
sql "SELECT set_config('bureau.org', '$ORG', false); INSERT INTO billing.time_blocks (user_id, title, start_time, end_time)
    SELECT $USER_ID, 'grown', to_timestamp(1700000000 + n * 60), to_timestamp(1700000030 + n * 60) FROM generate_series(1, 5000) n" >/dev/null
told() { [[ $(rows_read) == "$seen" ]] || { seen=$(rows_read) && false; }; } # the counters lag behind
seen=$(rows_read)
sleep 1.5
until_true 10 told
bulk 200 5
is "many when it has grown" '200 "200 done, 0 refused."' "$STATUS $(jq -c .message <<<"$BODY")"
before=$seen
sleep 1.5
until_true 10 told
(($(rows_read) - before < 200 * 1000))
is "do not read the table for each of them" 0 $?
