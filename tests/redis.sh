#!/bin/bash
# redis.sh - a Redis of one's own: as a user who may do only what is needed, with a replica, its primary
# killed and the replica promoted under readers and writers; a wrong password is named at once. TAP.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

bin=${BUREAU_BIN:-$ROOT/build/bin}
work=$(mktemp -d /tmp/bureau-redis.XXXXXX) && chmod 711 "$work"
declare -A port=([a]=$(free_port) [b]=$(free_port)) pid=()
load=
# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ -z $load ]] || kill "$load" 2>/dev/null
    stack_down "$work/stack"
    stack_down "$work/wrong"
    for p in "${pid[@]}"; do kill "$p" 2>/dev/null; done
    wait
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The user of docs/operations.md, as it stands there.
user=$(sed -n 's/^    \(ACL SETUSER bureau .*\)/\1/p' "$ROOT/docs/operations.md")
server() { # a or b, further settings…
    local name=$1
    shift
    mkdir -p "$work/$name"
    setpriv --pdeathsig TERM redis-server --port "${port[$name]}" --bind 127.0.0.1 --save '' --dir "$work/$name" \
        --repl-diskless-sync-delay 0 "$@" </dev/null >"$work/$name.log" 2>&1 &
    pid[$name]=$!
    until_true 10 cli "$name" ping >/dev/null || return 1
    # shellcheck disable=SC2086 # words
    cli "$name" ${user//PASSWORD/secret} >/dev/null
}
cli() {
    local name=$1
    shift
    redis-cli -p "${port[$name]}" "$@" 2>&1
}
server a && server b --replicaof 127.0.0.1 "${port[a]}" || exit 1
hosts=127.0.0.1:${port[a]},127.0.0.1:${port[b]}

began=$SECONDS
up=$(stack_up "$work/wrong" BUREAU_REDIS_URL="redis://bureau:wrong@$hosts/0" 2>&1)
like "a wrong password is named" WRONGPASS "$up"
((SECONDS - began < 60)) && ok "at once ($((SECONDS - began)) s)" || not_ok "at once" "$((SECONDS - began)) s"
up=$(BUREAU_REDIS_URL=redis://127.0.0.1:1/0 BUREAU_DATA=$work/none BUREAU_SECRET_KEY=0123456789abcdef "$bin/bureau-gateway" --check-redis 2>&1)
like "so is one that is not there" 'refused' "$up"

stack_up "$work/stack" BUREAU_REDIS_URL="redis://bureau:secret@$hosts/0" || exit 1
cli a acl log reset >/dev/null
for name in accounts_login accounts_throttle accounts_tokens; do
    out=$("$bin/bureau-run-cases" --base "$URL" "$ROOT/tests/api/cases/$name.case" 2>&1)
    bad=$(grep -A5 '^not ok' <<<"$out")
    [[ -z $bad ]] && grep -q '^ok' <<<"$out" && ok "$name: $(grep -c '^ok' <<<"$out") cases" || not_ok "$name" "$bad"
done
is "the user may do all it has to: nothing was refused" '' "$(cli a acl log)"
like "and nothing else" 'NOPERM' "$(cli a --user bureau --pass secret --no-auth-warning keys '*')"

if command -v node >/dev/null; then
    register redis || exit 1
    TOKEN=$TOKEN node "$ROOT/tests/scale/faults.mjs" "$URL" "$work/stop" 4 4 >"$work/load.json" 2>"$work/load.err" &
    load=$!
    sleep 2
    kill -KILL "${pid[a]}"
    wait "${pid[a]}" 2>/dev/null
    sleep 1
    cli b replicaof no one >/dev/null
    until_true 10 stack_ready && ok "the promoted replica is found" || not_ok "the promoted replica is found" "$(curl -s "$URL/readyz")"
    sleep 1
    : >"$work/stop"
    wait "$load"
    load=
    counts=$(cat "$work/load.json")
    echo "# primary killed, replica promoted after 1 s: $counts"
    is "meanwhile every answer was a success" '["200","201"]' "$(jq -c '[.reads, .writes, .keyed] | add | keys' <<<"$counts")"
    is "nothing lost, nothing doubled" '[0,0]' "$(jq -c '[.lost, .doubled]' <<<"$counts")"
fi
cli b acl setuser bureau resetpass '>other' >/dev/null
cli b client kill type normal skipme yes >/dev/null
told() { curl -s -m 5 "$URL/readyz" | grep -q WRONGPASS; }
until_true 10 told && ok "/readyz says WRONGPASS after the password was changed" || not_ok "/readyz says WRONGPASS" "$(curl -s "$URL/readyz")"
cli b acl setuser bureau resetpass '>secret' >/dev/null
until_true 10 stack_ready && ok "and is ready when it is right again" || not_ok "and is ready when it is right again" "$(curl -s "$URL/readyz")"
