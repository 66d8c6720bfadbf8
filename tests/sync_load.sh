#!/bin/bash
# sync_load.sh [ORGANIZATIONS [BLOCKS]] - many time blocks of many organizations at once, three worker
# processes, both fakes: how fast, how fair, in order, and each exactly once. Default: 50 of 200 each.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
orgs=${1:-50} blocks=${2:-200}
total=$((orgs * blocks))
fakes_begin BUREAU_SYNC_WORKERS=0 BUREAU_SYNC_POLL_S=3600 BUREAU_MONEYBIRD_BUDGET=100000
for ((i = 1; i <= orgs; i++)); do
    register "Load$i" || exit 1
    fake_set account "load$i"
    fake_set employee "$EMAIL"
    connect google_calendar "$TOKEN"
    connect moneybird "$TOKEN"
done
start_workers() { # how many, threads
    for ((i = 1; i <= $1; i++)); do
        BUREAU_SYNC_WORKERS=$2 BUREAU_BIND="ipc://$RUN/load$i.ipc" "$BUREAU_BIN/bureau-sync" >"$work/worker$i.log" 2>&1 </dev/null &
        pids+=($!)
    done
}
stop_workers() {
    kill "${pids[@]}" 2>/dev/null
    wait "${pids[@]}" 2>/dev/null
    pids=()
}
start_workers 1 4
listed() { [[ $(sql "SELECT count(*) FROM sync.calendars WHERE is_primary") == "$orgs" ]]; }
until_true 60 listed
stop_workers
# Two edits of each block before it is delivered, and many while others are: what stands in the end must
# be the last one, and no provider may ever see an earlier one after a later one.
pg_sql bureau >/dev/null <<SQL
DO \$\$
DECLARE m record; b bigint;
BEGIN
    FOR m IN SELECT DISTINCT i.organization_id, i.user_id FROM sync.integrations i LOOP
        PERFORM set_config('bureau.org', m.organization_id::text, true);
        FOR n IN 1..$blocks LOOP
            INSERT INTO billing.time_blocks (user_id, title, start_time, end_time)
            VALUES (m.user_id, 'block v0', '2026-01-05'::timestamptz + n * interval '1 hour',
                    '2026-01-05'::timestamptz + n * interval '1 hour' + interval '30 minutes') RETURNING id INTO b;
            PERFORM sync.enqueue('time_block', b, 'upsert');
            UPDATE billing.time_blocks SET title = 'block ' || b || ' v1' WHERE id = b;
            PERFORM sync.enqueue('time_block', b, 'upsert');
        END LOOP;
    END LOOP;
END \$\$;
UPDATE sync.jobs SET run_at = now() WHERE kind = 'push';
SQL
left() { sql "SELECT count(*) FROM sync.jobs WHERE kind = 'push' AND state = 'available'"; }
is "everything is queued" $((2 * total)) "$(left)"
edited=0
edit_some() { # what was delivered is edited again, here and there
    local n
    n=$(sql "DO \$\$ DECLARE r record; BEGIN
        FOR r IN SELECT b.id, b.organization_id AS org FROM billing.time_blocks b
                 JOIN sync.links l ON l.organization_id = b.organization_id AND l.record_id = b.id
                WHERE l.provider_type = 'calendar' AND l.status = 'synced' ORDER BY random() LIMIT 20 LOOP
            PERFORM set_config('bureau.org', r.org::text, true);
            UPDATE billing.time_blocks SET title = regexp_replace(title, 'v\d+$', '') || 'v' ||
                (substring(title FROM 'v(\d+)$')::integer + 1) WHERE id = r.id;
            PERFORM sync.enqueue('time_block', r.id, 'again');
        END LOOP; END \$\$" && echo 20)
    edited=$((edited + ${n:-0}))
}
start_workers 3 4
began=$(now_s=$EPOCHREALTIME; printf '%s' "${now_s/[.,]/}")
half=
for ((i = 0; i < 1200; i++)); do
    n=$(left)
    if [[ -z $half ]] && ((n <= total)); then
        half=$(sql "SELECT min(n) || ' ' || max(n) FROM (SELECT count(*) FILTER (WHERE l.status = 'synced') AS n
                      FROM sync.links l GROUP BY l.organization_id) s")
    fi
    ((n == 0)) && break
    ((n > total / 2 && edited < total / 10)) && edit_some # no more than a slow machine delivers
    sleep 0.5
done
now_s=$EPOCHREALTIME
took=$((${now_s/[.,]/} - began))
is "nothing is stuck" 0 "$(left)"
curl -s "$FAKE/_fake/state" >"$work/state.json"
sql "SELECT title FROM billing.time_blocks WHERE deleted_at IS NULL" | LC_ALL=C sort >"$work/want"
jq -r '.google.events[].summary' "$work/state.json" | LC_ALL=C sort >"$work/events"
jq -r '.moneybird.entries[].description' "$work/state.json" | LC_ALL=C sort >"$work/entries"
is "each block is one event and one entry, in its last state" "$total 0 0" \
    "$(sort -u "$work/want" | wc -l) $(diff "$work/want" "$work/events" | wc -l) $(diff "$work/want" "$work/entries" | wc -l)"
is "no provider saw an earlier state after a later one" 0 "$(jq .backward "$work/state.json")"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
printf '# %d blocks of %d organizations; %d edits under way\n' "$total" "$orgs" "$edited"
printf '# %d deliveries in %d.%03d s: %d a second; synced by organization when half was done (min max): %s of %d\n' \
    $((2 * total)) $((took / 1000000)) $((took / 1000 % 1000)) $((2 * total * 1000 / (took / 1000))) "$half" $((2 * blocks))
rows=$(sql "SELECT (coalesce(idx_tup_fetch, 0) + seq_tup_read) / $((2 * total)) FROM pg_stat_user_tables WHERE relid = 'sync.jobs'::regclass")
printf '# rows of jobs read for each delivery: %s\n' "$rows"
if ((rows <= 20 * orgs)); then ok "what is due is not read for each delivery"; else not_ok "what is due is not read for each delivery" "$rows rows"; fi
read -r least most <<<"$half"
if ((least * 2 >= most)); then ok "organizations are served evenly"; else not_ok "organizations are served evenly" "min $least, max $most"; fi
