#!/bin/bash
# sync_load.sh [ORGANIZATIONS [BLOCKS]] - many time blocks of many organizations at once, three worker
# processes, both fakes: how fast, how fair, in order, and each exactly once. Default: 50 of 200 each.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
export BUREAU_BIN=${BUREAU_BIN:-$ROOT/build/bin}
orgs=${1:-50} blocks=${2:-200}
total=$((orgs * blocks))
work=$(mktemp -d /tmp/bureau-sync.XXXXXX) && chmod 711 "$work"
pids=()
trap '((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null; fakes_down "$work"; rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM
fakes_up "$work" BUREAU_SYNC_WORKERS=0 BUREAU_SYNC_POLL_S=3600 BUREAU_MONEYBIRD_BUDGET=100000 || exit 1
PG_SOCKET=$RUN/pg
sql() { pg_sql bureau -c "$1" 2>&1; }
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
# Two edits of each block: what is delivered must be the last one.
pg_sql bureau >/dev/null <<SQL
DO \$\$
DECLARE m record; b bigint;
BEGIN
    FOR m IN SELECT DISTINCT i.organization_id, i.user_id FROM sync.integrations i LOOP
        PERFORM set_config('bureau.org', m.organization_id::text, true);
        FOR n IN 1..$blocks LOOP
            INSERT INTO billing.time_blocks (user_id, title, start_time, end_time)
            VALUES (m.user_id, 'first', '2026-01-05'::timestamptz + n * interval '1 hour',
                    '2026-01-05'::timestamptz + n * interval '1 hour' + interval '30 minutes') RETURNING id INTO b;
            PERFORM sync.enqueue('time_block', b, 'upsert');
            UPDATE billing.time_blocks SET title = 'last ' || b WHERE id = b;
            PERFORM sync.enqueue('time_block', b, 'upsert');
        END LOOP;
    END LOOP;
END \$\$;
UPDATE sync.jobs SET run_at = now() WHERE kind = 'push';
SQL
left() { sql "SELECT count(*) FROM sync.jobs WHERE kind = 'push' AND state = 'available'"; }
is "everything is queued" $((2 * total)) "$(left)"
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
    sleep 0.5
done
now_s=$EPOCHREALTIME
took=$((${now_s/[.,]/} - began))
is "nothing is stuck" 0 "$(left)"
is "each block is one event and one entry, in its last state" "$total $total $total" \
    "$(curl -s "$FAKE/_fake/state" | jq -r '"\(.google.events | length) \([.google.events[].summary | select(startswith("last"))] | unique | length) \([.moneybird.entries[].description | select(startswith("last"))] | unique | length)"')"
is "and no entry more" "$total" "$(fake_state '.moneybird.entries | length')"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
printf '# %d deliveries in %d.%03d s: %d a second; synced by organization when half was done (min max): %s of %d\n' \
    $((2 * total)) $((took / 1000000)) $((took / 1000 % 1000)) $((2 * total * 1000 / (took / 1000))) "$half" $((2 * blocks))
read -r least most <<<"$half"
if ((least * 2 >= most)); then ok "organizations are served evenly"; else not_ok "organizations are served evenly" "min $least, max $most"; fi
