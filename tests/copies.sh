# copies.sh - several gateways and copies of each service on one machine, started and stopped one by one,
# under steady load. Sourced behind stack.sh, after stack_up: its stores and settings are theirs.

declare -A pid=() bind=() port=() # by crm1, gateway2
bin=${BUREAU_BIN:-$ROOT/build/bin}
load=

# copies_prepare SERVICES GATEWAYS: how many of each; addresses are given, nothing starts.
copies_prepare() {
    local name copy at services=
    at=$(free_port)
    for name in "${SERVICES[@]}"; do
        for ((copy = 1; copy <= $1; copy++)); do
            at=$((at + 2))
            bind[$name$copy]=tcp://127.0.0.1:$at
            services+=${services:+,}$name=tcp://127.0.0.1:$at
        done
    done
    export BUREAU_SERVICES=$services
    for ((copy = 1; copy <= $2; copy++)); do port[gateway$copy]=$(free_port); done
}

start() { # crm1 [directory of the programs]
    local name=${1%[0-9]}
    BUREAU_BIND=${bind[$1]:-} BUREAU_PORT=${port[$1]:-8080} "${2:-$bin}/bureau-$name" >>"$work/$1.log" 2>&1 &
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
start_all() { # [directory of the programs]
    local which
    for which in "${!bind[@]}" "${!port[@]}"; do start "$which" "$@"; done
    for which in "${!pid[@]}"; do until_true 30 ready "$which" || not_ok "$which starts" "$(tail -n 3 "$work/$which.log")"; done
}
# A gateway that is gone is noticed by who asks it; until it is ready again nobody is sent there, as by an
# edge that looks or by Kubernetes' readiness.
replace() { # crm1 [directory of the programs]
    stop "$1"
    in_turn "$1"
    start "$@"
    until_true 20 ready "$1" || not_ok "$1 comes back" "$(tail -n 3 "$work/$1.log")"
    in_turn
}
in_turn() { # [but this one]
    local which
    for which in "${!port[@]}"; do
        [[ $which == "${1:-}" ]] || echo "http://127.0.0.1:${port[$which]}"
    done >"$work/bases.new"
    mv "$work/bases.new" "$work/bases"
}

load_start() { # requests a second
    in_turn
    rm -f -- "$work/stop"
    TOKEN=$TOKEN node "$ROOT/tests/scale/load.mjs" "$1" "$work/stop" "$work/bases" >"$work/load.json" 2>"$work/load.err" &
    load=$!
}
load_end() { # prints what it counted
    : >"$work/stop"
    wait "$load"
    load=
    counts=$(cat "$work/load.json")
    echo "# $counts"
}
copies_end() {
    local p
    [[ -z $load ]] || kill "$load" 2>/dev/null
    for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
}
