#!/bin/bash
# failover.sh - two PostgreSQLs, one the other's standby, under readers and writers: the primary killed
# and the standby promoted, a primary that turns read-only, and a while without any. Not one
# acknowledged write may be lost or doubled, no answer may be 500. TAP. --short: the first of these.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

command -v node >/dev/null || {
    skip "failing over" "node is not installed"
    exit 0
}
short=${1:-}
work=$(mktemp -d /tmp/bureau-failover.XXXXXX) && chmod 711 "$work"
port=$(free_port)
as=()
((EUID != 0)) || as=(--reuid=postgres --regid=postgres --init-groups)
declare -A address=([a]=127.0.0.2 [b]=127.0.0.3) pid=()
load=
# shellcheck disable=SC2317 # called by the trap
finish() {
    local p
    [[ -z $load ]] || kill "$load" 2>/dev/null
    stack_down "$work/stack"
    for p in "${pid[@]}"; do kill -QUIT "$p" 2>/dev/null; done
    wait
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# --- two clusters -------------------------------------------------------------------------------------

own() { ((EUID != 0)) || chown postgres: "$1"; }
on() { # a or b, database, SQL
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "${address[$1]}" -p "$port" -U postgres -d "$2" -c "$3"
}
cluster_start() { # a or b, further settings…
    local name=$1
    shift
    setpriv "${as[@]}" --pdeathsig QUIT "$PG_BIN/postgres" -D "$work/$name" -c listen_addresses="${address[$name]}" -c port="$port" \
        -c unix_socket_directories= -c fsync=off -c max_connections=150 -c shared_buffers=64MB \
        -c deadlock_timeout=100ms "$@" </dev/null >>"$work/$name.log" 2>&1 &
    pid[$name]=$!
}
answers() { "$PG_BIN/pg_isready" -q -h "${address[$1]}" -p "$port"; }
standby_of() { # b a: b becomes the standby of a, which then waits for it at each commit
    rm -rf -- "${work:?}/$1"
    as_pg "$PG_BIN/pg_basebackup" -h "${address[$2]}" -p "$port" -U postgres -D "$work/$1" -R -X stream -c fast || return 1
    cluster_start "$1"
    until_true 30 answers "$1" || return 1
    on "$2" postgres "ALTER SYSTEM SET synchronous_standby_names = '*'" &&
        on "$2" postgres "SELECT pg_reload_conf()" >/dev/null
    until_true 20 confirms "$2"
}
confirms() { [[ $(on "$1" postgres "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1 ]]; }
promote() { as_pg "$PG_BIN/pg_ctl" promote -D "$work/$1" -w -t 30 >/dev/null; }

touch "$work/a.log" "$work/b.log"
own "$work"
as_pg "$PG_BIN/initdb" -D "$work/a" -U postgres --encoding=UTF8 --locale=C.UTF-8 --auth=trust -N >"$work/initdb.log" 2>&1 || exit 1
cluster_start a
until_true 30 answers a || exit 1
PGPORT=$port PG_SOCKET=${address[a]} pg_roles || exit 1
hosts="host=${address[a]},${address[b]} port=$port dbname=bureau"
stack_up "$work/stack" BUREAU_DATABASE_URL="$hosts user=bureau_app" BUREAU_MIGRATE_DATABASE_URL="$hosts user=bureau target_session_attrs=read-write" || exit 1
standby_of b a || {
    not_ok "a standby follows" "$(tail -n 5 "$work/b.log")"
    exit 1
}
ok "two hosts in BUREAU_DATABASE_URL: one is the primary, each commit is confirmed by the other"
register failover || exit 1

# A standby that stays silent: what it has not confirmed is not acknowledged, and not when asked again
# with the same key either; a switch now would lose it.
unconfirmed() {
    local post=(curl -s -m 40 -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -o /dev/null -w '%{http_code} ')
    local keyed=("${post[@]}" -H 'Idempotency-Key: unconfirmed' -d '{"name":"unconfirmed, keyed"}' "$URL/api/clients")
    kill -STOP $(pgrep -P "${pid[b]}")
    "${post[@]}" -d '{"name":"unconfirmed"}' "$URL/api/clients" >"$work/plain" &
    local plain=$!
    codes=$("${keyed[@]}")
    codes+=$("${keyed[@]}")
    wait "$plain"
    codes+=$(cat "$work/plain")
    kill -CONT $(pgrep -P "${pid[b]}")
    until_true 20 confirms a
    codes+=$("${keyed[@]}")
}

# --- what happens -------------------------------------------------------------------------------------

load_start() {
    rm -f -- "$work/stop"
    TOKEN=$TOKEN node "$ROOT/tests/scale/faults.mjs" "$URL" "$work/stop" 4 6 >"$work/load.json" 2>"$work/load.err" &
    load=$!
    sleep 2
}
load_end() { # what happened
    : >"$work/stop"
    wait "$load"
    load=
    counts=$(cat "$work/load.json")
    echo "# $1: $counts"
    is "$1: no acknowledged write is lost" 0 "$(jq .lost <<<"$counts")"
    is "$1: none is doubled" 0 "$(jq .doubled <<<"$counts")"
    is "$1: what was refused with 503 was not done" 0 "$(jq .refused_but_there <<<"$counts")"
    is "$1: nothing but success, 409 (still running), 503, 504" '[]' "$(jq -c .odd <<<"$counts")"
    is "$1: each 503 has Retry-After" 0 "$(jq .without_retry_after <<<"$counts")"
    (($(jq .acknowledged <<<"$counts") > 10)) && ok "$1: there was load" || not_ok "$1: there was load" "$counts" "$(cat "$work/load.err")"
}

if [[ -z $short ]]; then
    unconfirmed
    is "a standby that confirms nothing: 504, again 504 with the key, and 504 without; 201 later" "504 504 504 201 " "$codes"
fi
load_start
kill -KILL "${pid[a]}"
wait "${pid[a]}" 2>/dev/null
sleep 1
promote b
until_true 30 stack_ready && ok "ready again behind the promoted standby" || not_ok "ready again behind the promoted standby" "$(curl -s "$URL/readyz")"
sleep 2
load_end "primary killed, standby promoted after 1 s"
echo "# longest time without an acknowledged write: $(jq .gap_ms <<<"$counts") ms"
is "primary killed: every read was answered within its time" '["200"]' "$(jq -c '.reads | keys' <<<"$counts")"

# Those that LISTEN came along: a mail leaves at once, not at the next look.
mailed() { grep -qlF 'To: <next@example.test>' "$BUREAU_DATA"/mail/*.eml 2>/dev/null; }
http POST /api/team/invite "$TOKEN" '{"email":"next@example.test","role":"user"}'
until_true 5 mailed && ok "a mail of the new primary leaves soon" || not_ok "a mail of the new primary leaves soon" "$STATUS $BODY"

[[ -z $short ]] || exit 0
# A primary that turns read-only while its connections live: they look elsewhere.
standby_of a b || not_ok "the old primary follows the new one" "$(tail -n 5 "$work/a.log")"
load_start
on b postgres "ALTER SYSTEM SET default_transaction_read_only = on" && on b postgres "SELECT pg_reload_conf()" >/dev/null
promote a
sleep 3
left=$(on b postgres "SELECT count(*) FROM pg_stat_activity WHERE usename = 'bureau_app' AND state_change > now() - interval '1 s'")
load_end "primary turned read-only, standby promoted"
is "nobody works on the read-only one any more" 0 "$left"

# Nobody takes writes for longer than requests wait for.
kill -QUIT "${pid[b]}"
load_start
kill -QUIT "${pid[a]}"
wait "${pid[a]}" 2>/dev/null
sleep 8
http GET /api/clients "$TOKEN"
is "without any primary: 503" 503 "$STATUS"
took=$(curl -s -o /dev/null -w '%{time_total}' -H "Authorization: Bearer $TOKEN" "$URL/api/clients")
[[ ${took%%.*} == 0 ]] && ok "without any primary: it is said at once ($took s)" ||
    not_ok "without any primary: it is said at once" "$took s"
like "and /readyz says why" 'PostgreSQL' "$(curl -s "$URL/readyz")"
cluster_start a
began=$EPOCHREALTIME
until_true 30 stack_ready
echo "# ready $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }") s after the primary was started again"
sleep 2
load_end "no primary for 8 s"
