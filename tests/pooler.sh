#!/bin/bash
# pooler.sh - all cases and the conformance test on a stack whose services reach PostgreSQL through
# PgBouncer in transaction mode, with fewer connections than threads. TAP. --short: some of the cases.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

command -v pgbouncer >/dev/null || {
    skip "a pooler" "pgbouncer is not installed"
    exit 0
}
short=${1:-}
bin=${BUREAU_BIN:-$ROOT/build/bin}
work=$(mktemp -d /tmp/bureau-pooler.XXXXXX) && chmod 711 "$work"
as=()
((EUID != 0)) || as=(--reuid=postgres --regid=postgres --init-groups)
database= pooler=
# shellcheck disable=SC2317 # called by the trap
finish() {
    stack_down "$work/stack"
    [[ -z $pooler ]] || kill "$pooler" 2>/dev/null
    [[ -z $database ]] || kill -INT "$database" 2>/dev/null
    wait
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

BUREAU_DATA=$work/pg
find_run
make_layout
BUREAU_PG_CONF="fsync = off" pg_init
setpriv "${as[@]}" --pdeathsig INT "$PG_BIN/postgres" -D "$PGDATA" </dev/null >"$work/pg.log" 2>&1 &
database=$!
pg_wait 30 && pg_roles || exit 1
server=$PG_SOCKET
mkdir "$work/bouncer"
((EUID != 0)) || chown postgres: "$work/bouncer"
port=$(free_port)
printf '"bureau_app" ""\n' >"$work/users"
cat >"$work/pgbouncer.ini" <<INI
[databases]
bureau = host=$server dbname=bureau
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir = $work/bouncer
auth_type = trust
auth_file = $work/users
pool_mode = transaction
default_pool_size = 6
max_client_conn = 300
INI
chmod 644 "$work/users" "$work/pgbouncer.ini"
setpriv "${as[@]}" --pdeathsig TERM pgbouncer "$work/pgbouncer.ini" </dev/null >"$work/pgbouncer.log" 2>&1 &
pooler=$!
pooled="host=127.0.0.1 port=$port user=bureau_app dbname=bureau"
direct="host=$server dbname=bureau"

# A setting forgotten is told, not half working.
up=$(stack_up "$work/wrong" BUREAU_DATABASE_URL="$pooled" BUREAU_MIGRATE_DATABASE_URL="$direct user=bureau" 2>&1) &&
    not_ok "without BUREAU_DATABASE_POOLER it does not start"
like "without BUREAU_DATABASE_POOLER the reason is told" 'options' "$up"
stack_down "$work/wrong"

stack_up "$work/stack" BUREAU_DATABASE_URL="$pooled" BUREAU_DATABASE_POOLER=true \
    BUREAU_LISTEN_DATABASE_URL="$direct user=bureau_app" BUREAU_MIGRATE_DATABASE_URL="$direct user=bureau" || exit 1
cases=("$ROOT"/tests/api/cases/*.case)
[[ -z $short ]] || cases=("$ROOT"/tests/api/cases/{core_engine,crm_search,billing_bills,billing_timers}.case)
for file in "${cases[@]}"; do
    out=$("$bin/bureau-run-cases" --base "$URL" "$file" 2>&1)
    if grep -q '^ok' <<<"$out" && ! grep -q '^not ok' <<<"$out"; then
        ok "$(basename "$file" .case): $(grep -c '^ok' <<<"$out") cases"
    else
        not_ok "$(basename "$file" .case)" "$(grep -A6 '^not ok' <<<"$out" | head -n 20)"
    fi
done
if [[ -z $short ]]; then
    out=$("$bin/bureau-conformance" --base "$URL" 2>&1)
    bad=$(grep '^not ok' <<<"$out")
    [[ -z $bad ]] && grep -q '^ok' <<<"$out" && ok "conformance: $(grep -c '^ok' <<<"$out")" || not_ok conformance "$(head -n 10 <<<"$bad")"
fi
register pooler || exit 1

# Listeners go past the pooler: a mail leaves at once.
mailed() { grep -qlF "To: <$1@example.test>" "$BUREAU_DATA"/mail/*.eml 2>/dev/null; }
http POST /api/team/invite "$TOKEN" '{"email":"direct@example.test","role":"user"}'
until_true 5 mailed direct && ok "a mail leaves soon" || not_ok "a mail leaves soon" "$STATUS $BODY"
# The pooler restarted under load: what was not committed runs again.
TOKEN=$TOKEN node "$ROOT/tests/scale/faults.mjs" "$URL" "$work/stop" 3 4 >"$work/load.json" 2>"$work/load.err" &
load=$!
sleep 2
kill -KILL "$pooler"
wait "$pooler" 2>/dev/null
sleep 1
setpriv "${as[@]}" --pdeathsig TERM pgbouncer "$work/pgbouncer.ini" </dev/null >>"$work/pgbouncer.log" 2>&1 &
pooler=$!
sleep 4
: >"$work/stop"
wait "$load"
counts=$(cat "$work/load.json")
echo "# pooler killed, back after 1 s: $counts"
is "pooler killed: nothing lost, nothing doubled, nothing odd" '[0,0,[]]' "$(jq -c '[.lost, .doubled, .odd]' <<<"$counts")"
