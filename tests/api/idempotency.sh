#!/bin/bash
# idempotency.sh - a key whose first request is still running, held inside the database; and what can
# be read of kept answers by whoever reads the table.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
PG_SOCKET=$RUN/pg
out=$(mktemp -d)
trap 'rm -rf -- "$out"' EXIT

# keyed FILE VERB PATH KEY BODY: the answer with its headers into FILE.
keyed() {
    curl -s -m 30 -i -X "$2" "$URL$3" -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $4" \
        -H 'Content-Type: application/json' -d "$5" | tr -d '\r' >"$out/$1"
}
status() { sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$out/$1"; }
header() { sed -n "s/^$2: //p" "$out/$1"; }
body() { sed '1,/^$/d' "$out/$1"; }

# hold SQL: runs it in a transaction that stays open until let_go.
hold() {
    coproc HOLDER { pg_sql bureau; }
    printf 'BEGIN;\n%s;\n\\echo held\nSELECT pg_backend_pid();\n' "$1" >&"${HOLDER[1]}"
    local line
    while read -r -t 20 line <&"${HOLDER[0]}" && [[ $line != held ]]; do :; done
    read -r -t 20 holder <&"${HOLDER[0]}"
}
let_go() {
    local pid=$HOLDER_PID
    printf 'COMMIT;\n\\q\n' >&"${HOLDER[1]}"
    wait "$pid"
}
# For the holder, that is: others use this stack too.
somebody_waits() {
    [[ $(pg_sql bureau -c "SELECT count(*) FROM pg_stat_activity WHERE $holder = ANY (pg_blocking_pids(pid))") != 0 ]]
}

# at_once CLAIM LOCK VERB PATH BODY: the first waits for LOCK, the second is told so, the third is the first.
at_once() {
    local key=at-once-$RANDOM$RANDOM first
    hold "$2" || not_ok "$1: the lock is held"
    keyed first "$3" "$4" "$key" "$5" &
    first=$!
    until_true 20 somebody_waits || not_ok "$1: the first is in the database"
    sleep 0.1 # what comes within 25 ms may be sent to where the first waits, and waits with it
    keyed second "$3" "$4" "$key" "$5"
    let_go
    wait "$first"
    keyed third "$3" "$4" "$key" "$5"
    is "$1: while it runs the same key is 409" "409 1" "$(status second) $(header second Retry-After)"
    like "$1: which says why" 'still running' "$(body second)"
    is "$1: the first goes on" "200 " "$(status first) $(header first Idempotency-Replayed)"
    is "$1: and is what the key answers from then on" "200 true" "$(status third) $(header third Idempotency-Replayed)"
    is "$1: byte for byte" "$(body first)" "$(body third)"
}

register Keys || exit 1
http POST /api/clients "$TOKEN" '{"name":"Held"}'
client=$(jq -r .data.id <<<"$BODY")
at_once "a write" "SELECT FROM crm.clients WHERE id = $client FOR UPDATE" \
    PUT "/api/clients/$client" '{"name":"Let go"}'
is "one change stands in the history" 1 \
    "$(pg_sql bureau -c "SELECT count(*) FROM core.audit WHERE organization_id = $ORG AND resource = 'client' AND row_id = $client AND op = 'update'")"

login="{\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\",\"device_name\":\"held\"}"
at_once "signing in" "SELECT pg_advisory_xact_lock(hashtextextended('sign_in user:$USER_ID', 0))" \
    POST /login "$login"
is "one token was made" 1 \
    "$(pg_sql bureau -c "SELECT count(*) FROM accounts.tokens WHERE user_id = $USER_ID AND name = 'held'")"

# What the table holds of an answer with a token, and of a request with a password.
secret=$(body third | jq -r .token)
secret=${secret#*|}
session=$(header third Set-Cookie | sed -n 's/^bureau_session=\([^;]*\).*/\1/p')
plain=$(printf %s "$login" | sha256sum | cut -d' ' -f1)
rows=$(pg_sql bureau -c "SELECT i FROM core.idempotency i WHERE caller = 'user:$USER_ID'")
like "the answers are kept" 'at-once-' "$rows"
for word in "$secret" "$session" "$EMAIL" "$plain"; do
    [[ -n $word && $rows != *"$word"* ]] && ok "the table does not tell ${word:0:6}…" || not_ok "the table tells '$word'"
done
