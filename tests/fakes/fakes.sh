# fakes.sh - a stack whose providers are the fakes. Sourced by tests that need one, behind stack.sh.

export BUREAU_BIN=${BUREAU_BIN:-$ROOT/build/bin}
pids=() # of what else was started: ended with the rest

# fakes_room: sets work, a directory that goes with everything started in it when the script ends.
fakes_room() {
    work=$(mktemp -d /tmp/bureau-fakes.XXXXXX) && chmod 711 "$work"
    trap fakes_end EXIT
    trap 'exit 130' INT TERM
}
fakes_end() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
    fakes_down "$work"
    rm -rf -- "$work"
}

# fakes_begin [NAME=VALUE…]: how these tests begin; ends the script when the stack does not start.
fakes_begin() {
    fakes_room
    fakes_up "$work" "$@" && return
    not_ok "a stack with the fakes starts" "$(tail -n 3 "$work"/stack/log/sync.log 2>/dev/null)"
    exit 1
}

sql() { pg_sql bureau -c "$1" 2>&1; }

# fakes_start DIRECTORY: the fakes alone; sets FAKE.
fakes_start() {
    local port
    mkdir -p -- "$1"
    port=$(free_port)
    "$BUREAU_BIN/bureau-fakes" "$port" >"$1/fakes.out" 2>&1 </dev/null &
    FAKES_PID=$!
    FAKE=http://127.0.0.1:$port
    until_true 5 fakes_answer
}

# fakes_up DIRECTORY [NAME=VALUE…]: starts the fakes, unless they run, and a stack that talks to them.
fakes_up() {
    local dir=$1
    shift
    [[ -n ${FAKES_PID:-} ]] || fakes_start "$dir" || return 1
    stack_up "$dir/stack" BUREAU_GOOGLE_CLIENT_ID=google-client BUREAU_GOOGLE_CLIENT_SECRET=google-secret \
        BUREAU_GOOGLE_AUTH_URL="$FAKE/o/oauth2/v2/auth" BUREAU_GOOGLE_TOKEN_URL="$FAKE/token" \
        BUREAU_GOOGLE_REVOKE_URL="$FAKE/revoke" BUREAU_GOOGLE_USERINFO_URL="$FAKE/v1/userinfo" \
        BUREAU_GOOGLE_API_URL="$FAKE/calendar/v3" BUREAU_MONEYBIRD_CLIENT_ID=moneybird-client \
        BUREAU_MONEYBIRD_CLIENT_SECRET=moneybird-secret BUREAU_MONEYBIRD_OAUTH_URL="$FAKE/oauth" \
        BUREAU_OFFICE365_CLIENT_ID=office-client BUREAU_OFFICE365_CLIENT_SECRET=office-secret \
        BUREAU_OFFICE365_OAUTH_URL="$FAKE/common/oauth2/v2.0" BUREAU_OFFICE365_API_URL="$FAKE/v1.0" \
        BUREAU_MONEYBIRD_API_URL="$FAKE/api/v2" BUREAU_SYNC_RETRY_MS=200 BUREAU_SYNC_POLL_S=2 \
        BUREAU_SYNC_LEASE_S=5 BUREAU_MONEYBIRD_BUDGET=100000 \
        BUREAU_WEBHOOK_ALLOW_LOOPBACK=1 "$@" && PG_SOCKET=$RUN/pg
}
fakes_answer() { curl -s -m 2 -o /dev/null "$FAKE/_fake/state"; }

fakes_down() { # DIRECTORY
    stack_down "$1/stack"
    [[ -z ${FAKES_PID:-} ]] || kill "$FAKES_PID" 2>/dev/null
}

fake_set() { curl -s -m 5 -o /dev/null -X POST -G "$FAKE/_fake/set" --data-urlencode "$1=$2"; }
# fake_fault MATCH KIND [name=value…]
fake_fault() {
    local args=(--data-urlencode "match=$1" --data-urlencode "kind=$2") pair
    shift 2
    for pair; do args+=(--data-urlencode "$pair"); done
    curl -s -m 5 -o /dev/null -X POST -G "$FAKE/_fake/fault" "${args[@]}"
}
fake_state() { curl -s -m 10 "$FAKE/_fake/state" | jq -r "$1"; }

# connect PROVIDER TOKEN: through consent and back; sets STATUS to the callback's, LOCATION too.
connect() {
    local url
    http POST "/integrations/$1/connect" "$2"
    [[ $STATUS == 200 ]] || return 1
    url=$(curl -s -m 10 -o /dev/null -w '%{redirect_url}' "$(jq -r .url <<<"$BODY")")
    url=${url/#${PUBLIC_URL:-$URL}/$URL} # where people reach it from here
    CALLBACK=$url
    LOCATION=$(curl -s -m 30 -o /dev/null -H 'Accept: text/html' -w '%{http_code} %{redirect_url}' "$url")
    STATUS=${LOCATION%% *}
    LOCATION=${LOCATION#* }
}
