#!/bin/bash
# networks.sh - gateway, services and PostgreSQL each in a network of their own, joined as the
# NetworkPolicies of k8s/ mean it: the front knows gateway and services, the back services and
# PostgreSQL. Services are found by a name with several addresses, which change under load; one is cut off
# for 5 s; all programs run without root on a read-only file system. TAP. Needs root.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/namespaces.sh"

namespaces "networks of their own" node
# All of it happens in namespaces that end with this script.
[[ -n ${BUREAU_NETWORKS_INSIDE:-} ]] || BUREAU_NETWORKS_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"

bin=${BUREAU_BIN:-$ROOT/build/bin}
work=$(mktemp -d /tmp/bureau-networks.XXXXXX) && chmod 711 "$work"
declare -A pid=()
load=
# shellcheck disable=SC2317 # called by the trap
finish() {
    exec 2>/dev/null
    [[ -z $load ]] || kill "$load" 2>/dev/null
    for p in "${pid[@]}"; do kill -TERM "$p" 2>/dev/null; done
    sleep 1
    for p in "${pid[@]}" "${hold[@]}"; do kill -KILL "$p" 2>/dev/null; done
    BUREAU_DATA=$work/data
    find_run
    pid_stop postgres INT 20
    pid_stop redis TERM 5
    wait 2>/dev/null
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# --- networks: bridges front (10.77.1.0/24) and back (10.77.2.0/24) ------------------------------------

ip link set lo up
bridge front 10.77.1 && bridge back 10.77.2 || exit 1 # the edge and the name server stand at front
net gateway 10 front && net database 11 back || {
    skip "networks of their own" "the kernel joins no namespaces by veth"
    exit 0
}
host=20
declare -A host_of=()
for name in "${SERVICES[@]}"; do
    for copy in 1 2 3; do
        [[ $copy != 3 || $name == crm ]] || continue
        host_of[$name$copy]=$((host++))
        net "$name$copy" "${host_of[$name$copy]}" front back || exit 1
    done
done

# --- stores ---------------------------------------------------------------------------------------------

export BUREAU_DATA=$work/data
find_run
make_layout
BUREAU_PG_CONF="fsync = off
listen_addresses = '10.77.2.11'" pg_init
echo 'host all all 10.77.2.0/24 trust' >>"$PGDATA/pg_hba.conf"
inside database setpriv --reuid=postgres --regid=postgres --init-groups --pdeathsig INT "$PG_BIN/postgres" -D "$PGDATA" \
    </dev/null >"$work/postgres.log" 2>&1 &
pid_write postgres $!
inside gateway setpriv --pdeathsig TERM redis-server --port 0 --unixsocket "$RUN/redis.sock" --unixsocketperm 777 --save '' \
    --dir "$work" </dev/null >"$work/redis.log" 2>&1 &
pid_write redis $!
pg_wait 30 && pg_roles || exit 1
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$work/key"
chmod 444 "$work/key"
export BUREAU_SECRET_KEY_FILE=$work/key BUREAU_DATABASE_URL="host=10.77.2.11 user=bureau_app dbname=bureau"
export BUREAU_MIGRATE_DATABASE_URL="host=$PG_SOCKET user=bureau dbname=bureau" BUREAU_REDIS_URL=unix://$RUN/redis.sock
export BUREAU_RATE_LIMIT=0 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0 BUREAU_PORT=8080 BUREAU_LISTEN=0.0.0.0
"$bin/bureau-accounts" --migrate >"$work/migrate.log" 2>&1 || {
    not_ok "it is migrated" "$(tail -n 3 "$work/migrate.log")"
    exit 1
}

# --- names ----------------------------------------------------------------------------------------------

names() { # copies that are known by their service's name
    local copy
    for copy; do echo "10.77.1.${host_of[$copy]} ${copy%[0-9]}.bureau.test"; done >"$work/names.new"
    mv "$work/names.new" "$work/names"
}
both=() services=
for name in "${SERVICES[@]}"; do
    both+=("${name}1" "${name}2")
    services+=${services:+,}$name=tcp://$name.bureau.test:7000
done
names "${both[@]}"
export BUREAU_SERVICES=$services
printf 'nameserver 10.77.1.1\noptions timeout:1 attempts:1\n' >"$work/resolv.conf"
mount --bind "$work/resolv.conf" /etc/resolv.conf
node "$ROOT/tests/scale/dns.mjs" "$work/names" 10.77.1.1 >"$work/dns.log" 2>&1 &
pid[dns]=$!

# --- programs: user 10001, nothing writable but a small directory of their own -------------------------

start() { # crm1, gateway
    local name=${1%[0-9]} bind=
    [[ $name == gateway ]] || bind=tcp://10.77.1.${host_of[$1]}:7000
    # shellcheck disable=SC2016 # the inner shell's
    inside "$1" unshare -m --propagation private sh -c '
        mount -t tmpfs -o size=32m,mode=0777 tmpfs "$1" && mount -o remount,bind,ro / || exit 1
        shift
        exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
            --pdeathsig TERM "$@"' sh "$work/own" env BUREAU_DATA="$work/own" ${bind:+BUREAU_BIND="$bind"} \
        "$bin/bureau-$name" </dev/null >"$work/$1.log" 2>&1 &
    pid[$1]=$!
}
ready() {
    [[ $1 != gateway ]] || { stack_ready; return; }
    BUREAU_BIND=tcp://10.77.1.${host_of[$1]}:7000 inside "$1" "$bin/bureau-${1%[0-9]}" --ping 2>/dev/null
}
stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
}
mkdir "$work/own" "$work/app" "$work/app/bin"
cp -- "$bin"/bureau-{gateway,accounts,crm,rentals,billing,sync} "$work/app/bin" && cp -r -- "$bin/../share" "$work/app" || exit 1
bin=$work/app/bin # where user 10001 may go
URL=http://10.77.1.10:8080
for copy in "${both[@]}" gateway; do start "$copy"; done
for copy in "${both[@]}" gateway; do
    until_true 40 ready "$copy" || not_ok "$copy is ready" "$(tail -n 3 "$work/$copy.log")"
done
ok "eleven programs are ready, found by name, without root, on a read-only file system"
crm=$(pgrep -f -n "$bin/bureau-crm")
is "as user 10001, without a capability" "10001 0000000000000000" \
    "$(awk '/^Uid:/ { u = $2 } /^CapBnd:/ { print u, $2 }' "/proc/$crm/status")"
is "its root is read-only" ro "$(awk '$5 == "/" { split($6, o, ","); print o[1] }' "/proc/$crm/mountinfo" | tail -n 1)"
register networks || exit 1
reaches() { inside "$1" timeout 2 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; } # from, address, port
reaches crm1 10.77.2.11 5432 && ok "a service reaches PostgreSQL" || not_ok "a service reaches PostgreSQL"
reaches gateway 10.77.2.11 5432 && not_ok "the gateway does not reach PostgreSQL" || ok "the gateway does not reach PostgreSQL"
reaches database 10.77.1.10 8080 && not_ok "PostgreSQL does not reach the gateway" || ok "PostgreSQL does not reach the gateway"

load_start() {
    rm -f -- "$work/stop"
    TOKEN=$TOKEN node "$ROOT/tests/scale/faults.mjs" "$URL" "$work/stop" 4 4 >"$work/load.json" 2>"$work/load.err" &
    load=$!
    sleep 2
}
load_end() { # what happened
    : >"$work/stop"
    wait "$load"
    load=
    counts=$(cat "$work/load.json")
    echo "# $1: $counts"
    is "$1: no acknowledged write is lost, none doubled" '[0,0]' "$(jq -c '[.lost, .doubled]' <<<"$counts")"
    (($(jq .acknowledged <<<"$counts") > 10)) && ok "$1: there was load" || not_ok "$1: there was load" "$counts"
}
asked() { grep -c '"event":"request"' "$work/$1.log"; }

# 1. A third copy gets the name; the first loses it and leaves.
load_start
start crm3
until_true 20 ready crm3
names "${both[@]}" crm3
sleep 7
(($(asked crm3) > 0)) && ok "an added address gets requests within 7 s: $(asked crm3)" || not_ok "an added address gets requests within 7 s"
names "${both[@]/crm1/crm3}"
sleep 7
before=$(asked crm1)
sleep 1
is "an address that was taken away gets none after 7 s" "$before" "$(asked crm1)"
stop crm1
sleep 1
load_end "addresses changed"
is "addresses changed: every answer was a success" '["200","201"]' "$(jq -c '[.reads, .writes, .keyed] | add | keys' <<<"$counts")"
before=$SECONDS
kill "${pid[dns]}"
sleep 6
http GET /api/clients "$TOKEN"
is "without a name server what is connected stays" 200 "$STATUS"
node "$ROOT/tests/scale/dns.mjs" "$work/names" 10.77.1.1 >>"$work/dns.log" 2>&1 &
pid[dns]=$!

# 2. A copy is cut off for 5 s without a word.
load_start
ip link set "front.${host_of[crm2]}" down
sleep 5
ip link set "front.${host_of[crm2]}" up
sleep 4
load_end "crm2 cut off for 5 s"
is "cut off: reads and keyed writes did not fail" '["200","201"]' "$(jq -c '[.reads, .keyed] | add | keys' <<<"$counts")"
(($(jq .slowest_ms <<<"$counts") < 6000)) && ok "cut off: nothing hung (slowest $(jq .slowest_ms <<<"$counts") ms)" ||
    not_ok "cut off: nothing hung" "$counts"

# 3. PostgreSQL is cut off for 4 s.
load_start
ip link set back.11 down
sleep 4
ip link set back.11 up
until_true 30 stack_ready
sleep 3
load_end "PostgreSQL cut off for 4 s"
is "PostgreSQL cut off: nothing but success, 503, 504" '[]' "$(jq -c .odd <<<"$counts")"
