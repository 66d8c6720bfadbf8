#!/bin/bash
# compose.sh - deploy/compose.yaml without a container engine: held against the schema of the Compose
# specification and rules of ours, then run as it stands: each service in network, mount, process and IPC
# namespaces of its own, with the user, rights, mounts, secrets, names, order and health checks that the
# file says. Its images are stood in for by this machine's /usr, build/bin, its PostgreSQL (with the two
# starts of the official image's entry point, tests/compose/postgres.sh) and its Redis. TAP.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/namespaces.sh"

# --- the file ---------------------------------------------------------------------------------------------

read_file() { # compose file [where the boxes go]
    timeout 60 node "$work/check/check.mjs" "$1" "$ROOT" "$work/secrets" "$work/volumes" ${2:+"$2"}
}
planted() { # rule, the sed script that breaks it
    sed -E "$2" "$ROOT/deploy/compose.yaml" >"$work/wrong.yaml"
    like "found when planted: $1" "not ok - $1" "$(read_file "$work/wrong.yaml" 2>&1)"
}
check() {
    cp -R -- "$ROOT/tests/compose" "$work/check"
    (cd "$work/check" && timeout 180 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0) >"$work/npm.log" 2>&1 || {
        skip "compose" "npm is out of reach"
        exit 0
    }
    "$ROOT/deploy/secrets.sh" "$work/secrets"
    made=$(cat "$work"/secrets/* | sha256sum)
    "$ROOT/deploy/secrets.sh" "$work/secrets"
    is "secrets.sh keeps what it made" "$made" "$(cat "$work"/secrets/* | sha256sum)"
    is "and lets nobody else look" 700 "$(stat -c %a "$work/secrets")"
    mkdir "$work/boxes"
    read_file "$ROOT/deploy/compose.yaml" "$work/boxes" >"$work/read" 2>&1 || {
        not_ok "compose.yaml is read" "$(tail -n 5 "$work/read")"
        exit 1
    }
    grep '^{' "$work/read" >"$work/plan"
    grep -v '^{' "$work/read"
    planted "the schema of the Compose specification" 's/healthcheck:/healthchek:/'
    planted "the schema of the Compose specification" 's/interval: 2s/interval: soon/'
    planted "each of the six programs" 's/bureau-crm\]/bureau-cmr]/'
    planted "no service is root" 's/"10001:10001"/"0:0"/'
    planted "read-only" '/redis:7/,/command/s/read_only: true/read_only: false/'
    planted "every capability" 's/cap_drop: \[ALL\]/cap_drop: [NET_RAW]/'
    planted "no new privileges" '/security_opt/d'
    planted "images" 's/postgres:15-bookworm/postgres:latest/'
    planted "secrets are declared" 's/^  app_password:/  ap_password:/'
    planted "each NAME_FILE" 's/secrets: \[secret_key, database_url, migrate_url\]/secrets: [secret_key, database_url]/'
    planted "settings are those" 's/BUREAU_BIND/BUREAU_BOND/'
    planted "who is waited for" 's/\{postgres: \{condition/{postgre: {condition/'
    planted "files that are mounted" 's/compose-roles/compose-role/'
}
if [[ ${1:-} != --inside ]]; then
    command -v npm >/dev/null || {
        skip "compose" "npm is not installed"
        exit 0
    }
    work=$(mktemp -d /tmp/bureau-compose.XXXXXX) && chmod 711 "$work"
    trap 'rm -rf -- "$work"' EXIT
    trap 'exit 130' INT TERM
    check
    namespaces "compose, run"
    unshare -n -m --propagation private "$0" --inside "$work"
    exit
fi

# --- what an engine does ----------------------------------------------------------------------------------

work=$2 boxes=$2/boxes host=10
declare -A job=()
# shellcheck disable=SC2317 # called by the trap
finish() {
    exec 2>/dev/null
    kill -KILL "${job[@]}" "${hold[@]}" # a namespace's first process takes the others along
    wait
}
trap finish EXIT
trap 'exit 130' INT TERM

said() { jq -r --arg name "$1" "select(.name == \$name) | $2" "$work/plan"; }
address() { # service: a network and an address, another one each time
    net "$1" $((++host)) front || return 1
    { grep -v " $1\$" "$work/etc/hosts"; echo "10.77.3.$host $1"; } >"$work/hosts"
    cat "$work/hosts" >"$work/etc/hosts" # in place: it is mounted
}
start() { # service
    rm -rf -- "$boxes/$1"/{root,pid}
    inside "$1" setpriv --pdeathsig KILL unshare -m -p -i --fork --kill-child --propagation private \
        "$ROOT/tests/compose/container.sh" "$boxes/$1" </dev/null >>"$boxes/$1/log" 2>&1 &
    job[$1]=$!
    until_true 20 test -s "$boxes/$1/pid"
}
within() { # service command…: as the service itself is run
    local box=$boxes/$1 pid environment privileges
    pid=$(cat "$box/pid")
    mapfile -d '' environment <"$box/environment"
    mapfile -d '' privileges <"$box/privileges"
    shift
    nsenter --target "$pid" --mount --net --pid --ipc --root --wd -- \
        /usr/bin/env -i "${environment[@]}" setpriv "${privileges[@]}" "$@" </dev/null 2>&1
}
healthy() { # service: its health check as written, with its timeout
    local test
    mapfile -d '' test <"$boxes/$1/healthcheck"
    within "$1" timeout "${test[@]}" >/dev/null
}
not_started() { # service condition: the rest has nothing to stand on
    not_ok "$1" "$(tail -n 5 "$boxes/${1%% *}/log")"
    exit 1
}
await() { # service condition
    case $2 in
    service_healthy) until_true 120 healthy "$1" ;;
    service_completed_successfully) timeout 120 tail -s 0.1 --pid="${job[$1]}" -f /dev/null && wait "${job[$1]}" ;;
    service_started) test -s "$boxes/$1/pid" ;;
    esac || not_started "$1 $2"
}
stop() { # service: it has to end in its time, and well
    local pid
    pid=$(cat "$boxes/$1/pid")
    kill -s "$(said "$1" .signal)" "$pid"
    timeout "$(said "$1" .grace)" tail -s 0.1 --pid="$pid" -f /dev/null || kill -s KILL "$pid"
    wait "${job[$1]}"
    is "$1 stops in its $(said "$1" .grace) s" 0 $?
}

# --- it is run --------------------------------------------------------------------------------------------

ip link set lo up
bridge front 10.77.3 || exit 1
mkdir -p "$work"/{app/bin,etc,volumes/postgres}
bin=${BUREAU_BIN:-$ROOT/build/bin}
cp -- "$bin"/bureau-{gateway,accounts,crm,rentals,billing,sync} "$work/app/bin" && cp -r -- "$bin/../share" "$work/app" || exit 1
chown 999:999 "$work/volumes/postgres" # as the image's directory, which a new volume takes after
printf '127.0.0.1 localhost\n' >"$work/etc/hosts"
: >"$work/etc/resolv.conf"
printf '%s:/nonexistent:/bin/sh\n' root:x:0:0: postgres:x:999:999: bureau:x:10001:10001: >"$work/etc/passwd"
mapfile -t all < <(jq -r .name "$work/plan")
mapfile -t lasting < <(jq -r 'select(.lasts).name' "$work/plan")
for name in "${all[@]}"; do
    address "$name" || {
        skip "compose, run" "the kernel joins no namespaces by veth"
        exit 0
    }
done
# PostgreSQL's first script waits for us: what does the health check say of a server that is not yet it?
# shellcheck disable=SC2016 # the script's
printf 'until [ -e "$PGDATA/go" ]; do sleep 0.1; done\n' >"$work/pause.sh"
printf 'bind\t%s\t/docker-entrypoint-initdb.d/a-pause.sh\tro\n' "$work/pause.sh" >>"$boxes/postgres/mounts"
start postgres
until_true 60 within postgres pg_isready -q >/dev/null || not_started "postgres runs its scripts"
healthy postgres && not_ok "PostgreSQL is not called healthy while its roles are being made" || ok "PostgreSQL is not called healthy while its roles are being made"
touch "$work/volumes/postgres/go"
for name in "${all[@]}"; do
    while read -r other condition; do [[ -z $other ]] || await "$other" "$condition"; done < <(said "$name" '.after[]')
    [[ $name == postgres ]] || start "$name" || not_started "$name is started"
done
for name in "${SERVICES[@]}"; do
    until_true 60 healthy "$name" && ok "$name is healthy" || not_started "$name is healthy"
done
at_gateway() { URL=http://$(awk '$2 == "gateway" { print $1 }' "$work/etc/hosts"):$(said gateway .port); }
at_gateway
until_true 60 stack_ready && ok "the published port is ready" || not_ok "the published port is ready" "$(curl -s -m 5 "$URL/readyz")" "$(tail -n 5 "$boxes/gateway/log")"

# What it may.
for name in "${lasting[@]}"; do
    is "$name: neither root nor rights nor ways to them" "$(said "$name" .user) 0000000000000000 1" \
        "$(awk '/^Uid:/ { u = $2 } /^CapBnd:/ { c = $2 } /^NoNewPrivs:/ { print u, c, $2 }' "/proc/$(cat "$boxes/$name/pid")/status")"
    like "$name: its root is read-only" "Read-only" "$(within "$name" touch /x)"
done
like "one program does not see the secrets of another" "No such file" "$(within gateway cat /run/secrets/database_url)"
like "PostgreSQL asks for a password" "password" "$(within crm /usr/lib/postgresql/15/bin/psql -w -h postgres -U bureau bureau -c 'SELECT 1')"

# What it does.
read -r _ email _ password < <(grep '^admin ' "$boxes/first-owner/log")
http POST /login '' "{\"email\":\"$email\",\"password\":\"$password\"}"
is "the first owner signs in with the password of first-owner's log" 200 "$STATUS"
register compose || exit 1
http POST /api/clients "$TOKEN" '{"name":"Boxed"}'
client=$(jq .data.id <<<"$BODY")
http GET "/api/clients/$client" "$TOKEN"
is "a client is kept" '200 "Boxed"' "$STATUS $(jq .data.name <<<"$BODY")"
http GET /api/parks "$TOKEN"
park=$(jq '.data[0].id' <<<"$BODY")
http POST /api/categories "$TOKEN" '{"name":"Lights"}'
http POST /api/materials "$TOKEN" "{\"name\":\"Desk\",\"reference\":\"DESK\",\"park_id\":$park,\"category_id\":$(jq .id <<<"$BODY"),\"rental_price\":10,\"stock_quantity\":4}"
desk=$(jq .id <<<"$BODY")
http POST /api/persons "$TOKEN" '{"first_name":"Zoë","last_name":"Client"}'
http POST /api/events "$TOKEN" "{\"user_id\":$USER_ID,\"title\":\"Gala\",\"start_date\":\"2030-01-01\",\"end_date\":\"2030-01-02\",\"beneficiaries\":[$(jq .id <<<"$BODY")],\"materials\":[{\"id\":$desk,\"quantity\":3}]}"
is "an event books material" 201 "$STATUS"
http POST "/api/events/$(jq .id <<<"$BODY")/bill" "$TOKEN" '{}'
curl -s -m 30 -o "$work/bill.pdf" -H "Authorization: Bearer $TOKEN" "$URL/api/bills/$(jq .id <<<"$BODY")/pdf"
is "its bill is a PDF" "%PDF-" "$(head -c 5 "$work/bill.pdf")"
http POST /api/time-blocks "$TOKEN" '{"title":"Build","start_time":"2030-01-02T09:00:00","end_time":"2030-01-02T10:00:00","timezone":"Europe/Amsterdam"}'
is "worked time is planned" 201 "$STATUS"

http POST /forgot-password '' "{\"email\":\"$EMAIL\"}"
mailed() { within accounts grep -rqs "$EMAIL" /var/lib/bureau/mail; }
until_true 60 mailed && ok "mail lies in the scratch space" || not_ok "mail lies in the scratch space" "$STATUS $BODY" "$(tail -n 3 "$boxes/accounts/log")"

# Started again, each at another address.
served() {
    http GET "/api/clients/$client" "$TOKEN"
    [[ $STATUS == 200 ]] && stack_ready
}
for name in crm redis postgres gateway; do
    stop "$name"
    kill "${hold[$name]}"
    address "$name" && start "$name"
    at_gateway
    until_true 60 served && ok "and is served again at another address" || not_ok "and is served again at another address" "$STATUS $BODY"
done

# All of it ends.
for ((i = ${#lasting[@]} - 1; i >= 0; i--)); do stop "${lasting[i]}"; done
is "nobody wrote or wanted to write outside of scratch space and volumes" "" \
    "$(find "$boxes"/*/root -type f -size +0; grep -iE 'read-only file system|permission denied' "$boxes"/*/log)"
