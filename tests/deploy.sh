#!/bin/bash
# deploy.sh - deploy/up and deploy/down as their users meet them: from any directory, twice, with a
# taken port, after kill -9 of everything, in the foreground.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

work=$(mktemp -d /tmp/bureau-deploy.XXXXXX)
chmod 711 "$work"
bin=${BUREAU_BIN:-$ROOT/build/bin} # what tests/run built; by itself deploy/up builds
[[ -n ${BUREAU_BIN:-} ]] || build_programs
unset ${!BUREAU_@}
export BUREAU_BIN=$bin
export BUREAU_DATA=$work/var BUREAU_PG_CONF="fsync = off" BUREAU_ADMIN_PASSWORD=Correct-horse9
BUREAU_PORT=$(free_port)
export BUREAU_PORT
find_run
cleanup() {
    "$ROOT/deploy/down" >/dev/null 2>&1
    rm -rf -- "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

up() {
    out=$(cd / && timeout 250 "$ROOT/deploy/up" "$@" 2>&1)
    status=$?
}
processes_left() { pgrep -f -- "$work/|$work " | grep -vx $$ | wc -l; }

up --help
is "--help ends 0" 0 "$status"
like "--help names the settings" BUREAU_DATABASE_URL "$out"
up --wrong
is "an unknown option ends 2" 2 "$status"
BUREAU_PORT=70000 up --detach
is "a port that is none is refused" 1 "$status"

is "memory of PostgreSQL on a machine of 8 GB" "256 8" "$(pg_memory 8192)"
is "of 1 GB: a quarter" "256 4" "$(pg_memory 1024)"
is "of 512 MB: a quarter" "128 4" "$(pg_memory 512)"
is "of next to nothing" "16 4" "$(pg_memory 32)"

up --detach
is "it starts" 0 "$status"
is "PostgreSQL has its memory" "$(pg_memory "$(memory_mb)" | sed 's/\([0-9]*\) \(.*\)/\1MB \2MB off/')" \
    "$(PG_SOCKET=$RUN/pg pg_sql postgres -F ' ' -c "SELECT current_setting('shared_buffers'), current_setting('work_mem'), current_setting('huge_pages')")"
is "its last line says where" "ready http://127.0.0.1:$BUREAU_PORT" "$(tail -n 1 <<<"$out")"
is "/readyz is 200" true "$(stack_ready && echo true)"
http POST /api/tokens/create '' '{"email":"admin@bureau.local","password":"Correct-horse9"}'
is "the first owner can sign in" 200 "$STATUS"
is "the master key is private" 600 "$(stat -c %a "$BUREAU_DATA/secret.key")"
key=$(sha256sum <"$BUREAU_DATA/secret.key")

start=$SECONDS
up --detach
is "once more is no error" "0 ready http://127.0.0.1:$BUREAU_PORT" "$status $(tail -n 1 <<<"$out")"
is "and takes seconds" true "$( ((SECONDS - start < 15)) && echo true)"
up
is "in the foreground it says that it runs already" 1 "$status"
BUREAU_DATA=$work/other up --detach
is "a taken port ends 1" 1 "$status"
like "and is named" "port $BUREAU_PORT is taken" "$out"
is "before anything was made" "" "$(ls "$work/other" 2>/dev/null)"

pid=$(pid_alive crm)
kill -KILL "$pid"
revived() {
    local now # asked once: between two questions the old one may go
    now=$(pid_alive crm) && [[ $now != "$pid" ]]
}
is "a dead service lives again within a second" true "$(until_true 1 revived && echo true)"
like "and the log says so" '"event":"child_died","child":"crm"' "$(cat "$BUREAU_DATA/log/supervise.log")"
until_true 10 stack_ready

second=$(free_port)
(set -a && . "$RUN/env" && BUREAU_PORT=$second exec setpriv --pdeathsig TERM "$bin/bureau-gateway") >/dev/null 2>&1 &
gateway=$!
URL=http://127.0.0.1:$second
is "a second gateway needs only another port" true "$(until_true 10 stack_ready && echo true)"
URL=http://127.0.0.1:$BUREAU_PORT
kill "$gateway"
wait "$gateway"
is "SIGTERM ends a gateway with 0" 0 $?

for name in supervise gateway redis postgres accounts crm rentals billing sync; do
    pid=$(pid_alive "$name") && kill -KILL "$pid"
done
up --detach
is "it starts after kill -9 of everything" 0 "$status"
http POST /api/tokens/create '' '{"email":"admin@bureau.local","password":"Correct-horse9"}'
is "with the data of before" 200 "$STATUS"
is "and the key of before" "$key" "$(sha256sum <"$BUREAU_DATA/secret.key")"

"$ROOT/deploy/down" >/dev/null
is "down ends 0" 0 $?
is "and leaves no process" 0 "$(processes_left)"
"$ROOT/deploy/down" >/dev/null
is "down with nothing running ends 0" 0 $?

pg_place
as_pg setsid "$PG_BIN/postgres" -D "$PGDATA" </dev/null >/dev/null 2>&1 &
until_true 10 pg_wait 1
up --detach
is "a server that its supervisor left behind is in nobody's way" 0 "$status"
"$ROOT/deploy/down" >/dev/null
is "and ends with the rest" 0 "$(processes_left)"
odd="$work/it's, an odd \"name\""
BUREAU_DATA=$odd up --detach
is "BUREAU_DATA may have any name" "0 ready http://127.0.0.1:$BUREAU_PORT" "$status $(tail -n 1 <<<"$out")"
BUREAU_DATA=$odd "$ROOT/deploy/down" >/dev/null
BUREAU_RATE_LIMIT=many up --detach
like "a wrong setting is named before anything starts" "BUREAU_RATE_LIMIT=many" "$out"

"$ROOT/deploy/up" >"$work/out" 2>&1 &
front=$!
until_true 60 grep -q '^ready ' "$work/out"
is "in the foreground it prints the ready line" "ready http://127.0.0.1:$BUREAU_PORT" "$(tail -n 1 "$work/out")"
kill -INT "$front"
wait "$front"
is "Ctrl-C ends it with 0" 0 $?
is "and all it started" 0 "$(processes_left)"
