#!/bin/bash
# scale_out.sh - three gateways and two copies of each service (tcp) on one machine, under load: a copy
# lost and added, then a rolling restart of every process. Not one request may fail. TAP.
# tests/scale_out.sh [requests a second, 60]
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

command -v node >/dev/null || {
    skip "scaling out" "node is not installed"
    exit 0
}
rate=${1:-60}
work=$(mktemp -d /tmp/bureau-scale.XXXXXX) && chmod 711 "$work"
declare -A pid=()
load=
finish() {
    local p
    [[ -z $load ]] || kill "$load" 2>/dev/null
    for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
    stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
stack_up "$work/stack" || exit 1 # its stores and settings; its own programs stand aside
bin=${BUREAU_BIN:-$ROOT/build/bin}

port_of_service=$(free_port) services=
declare -A bind=()
for name in "${SERVICES[@]}"; do
    for copy in 1 2; do
        port_of_service=$((port_of_service + 2))
        bind[$name$copy]=tcp://127.0.0.1:$port_of_service
        services+=${services:+,}$name=tcp://127.0.0.1:$port_of_service
    done
done
export BUREAU_SERVICES=$services
declare -A port=()
for copy in 1 2 3; do port[gateway$copy]=$(free_port); done

start() { # crm1, gateway2
    local name=${1%[0-9]}
    BUREAU_BIND=${bind[$1]:-} BUREAU_PORT=${port[$1]:-8080} "$bin/bureau-$name" >>"$work/$1.log" 2>&1 &
    pid[$1]=$!
}
ready() {
    local name=${1%[0-9]}
    if [[ $name == gateway ]]; then
        [[ $(curl -s -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:${port[$1]}/readyz") == 200 ]]
    else
        BUREAU_BIND=${bind[$1]} "$bin/bureau-$name" --ping 2>/dev/null
    fi
}
stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
}
for name in "${SERVICES[@]}"; do start "${name}1" && start "${name}2"; done
for copy in 1 2 3; do start "gateway$copy"; done
for which in "${!pid[@]}"; do until_true 30 ready "$which" || not_ok "$which starts" "$(tail -n 3 "$work/$which.log")"; done
is "every copy is ready" 13 "${#pid[@]}"
URL=http://127.0.0.1:${port[gateway1]}
register scale || exit 1

bases=
for copy in 1 2 3; do bases+=" http://127.0.0.1:${port[gateway$copy]}"; done
# shellcheck disable=SC2086 # three words
TOKEN=$TOKEN node "$ROOT/tests/scale/load.mjs" "$rate" "$work/stop" $bases >"$work/load.json" 2>"$work/load.err" &
load=$!
sleep 3

# 1. Each service loses a copy by SIGTERM and gets it back.
for name in "${SERVICES[@]}"; do
    stop "${name}2"
    sleep 1
    start "${name}2"
    until_true 20 ready "${name}2" || not_ok "${name}2 comes back"
done
sleep 2
# 2. Rolling restart of every process.
for which in accounts1 accounts2 crm1 crm2 rentals1 rentals2 billing1 billing2 sync1 sync2 gateway1 gateway2 gateway3; do
    stop "$which"
    start "$which"
    until_true 20 ready "$which" || not_ok "$which comes back"
    sleep 0.5
done
sleep 3
: >"$work/stop"
wait "$load"
load=
counts=$(cat "$work/load.json")
echo "# $counts"
is "no request failed" 0 "$(jq .failed <<<"$counts")" || true
is "no write was lost, none done twice" "$(jq .created <<<"$counts")" "$(jq .found <<<"$counts")"
(($(jq .asked <<<"$counts") > rate * 10)) && ok "there was load: $(jq .asked <<<"$counts") requests" || not_ok "there was load" "$counts"
jq -e '.kinds | length == 0' <<<"$counts" >/dev/null || jq -c .kinds <<<"$counts" | sed 's/^/#   /'

# 3. A copy killed outright: what was in it is an error or is repeated, never a wrong answer.
TOKEN=$TOKEN node "$ROOT/tests/scale/load.mjs" "$rate" "$work/stop2" $bases >"$work/load2.json" 2>>"$work/load.err" &
load=$!
sleep 2
for name in "${SERVICES[@]}"; do
    kill -KILL "${pid[${name}1]}"
    wait "${pid[${name}1]}" 2>/dev/null
    sleep 1
    start "${name}1"
    until_true 20 ready "${name}1"
done
sleep 1
: >"$work/stop2"
wait "$load"
load=
counts=$(cat "$work/load2.json")
echo "# killed outright: $counts"
is "copies killed: reads and writes with a key do not fail" 0 "$(jq .failed <<<"$counts")"
is "copies killed: each acknowledged write is there once" "$(jq .created <<<"$counts")" "$(jq .found <<<"$counts")"
