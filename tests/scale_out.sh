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
finish() {
    copies_end
    stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
. "$ROOT/tests/copies.sh"
stack_up "$work/stack" || exit 1 # its stores and settings; its own programs stand aside
copies_prepare 2 3
start_all
is "every copy is ready" 13 "${#pid[@]}"
URL=http://127.0.0.1:${port[gateway1]}
register scale || exit 1
load_start "$rate"
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
    replace "$which"
    sleep 0.5
done
sleep 3
load_end
is "no request failed" 0 "$(jq .failed <<<"$counts")" || true
is "no write was lost, none done twice" "$(jq .created <<<"$counts")" "$(jq .found <<<"$counts")"
(($(jq .asked <<<"$counts") > rate * 10)) && ok "there was load: $(jq .asked <<<"$counts") requests" || not_ok "there was load" "$counts"
jq -e '.kinds | length == 0' <<<"$counts" >/dev/null || jq -c .kinds <<<"$counts" | sed 's/^/#   /'

# 3. A copy killed outright: what was in it is repeated, by the gateway or by who is told Retry-After.
AGAIN=1 load_start "$rate"
sleep 2
for name in "${SERVICES[@]}"; do
    kill -KILL "${pid[${name}1]}"
    wait "${pid[${name}1]}" 2>/dev/null
    sleep 1
    start "${name}1"
    until_true 20 ready "${name}1"
done
sleep 1
load_end
is "copies killed: reads and writes with a key do not fail" 0 "$(jq .failed <<<"$counts")"
is "copies killed: each acknowledged write is there once" "$(jq .created <<<"$counts")" "$(jq .found <<<"$counts")"
