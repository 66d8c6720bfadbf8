# stack.sh - stacks for tests: started in a directory of their own on a free port, ended for sure.
# Sourced by tests/run and by the scripts below tests/; TAP helpers too.

. "$(dirname -- "${BASH_SOURCE[0]}")/../deploy/lib.sh"

# A port nobody listens on, below the range the kernel hands out to clients.
free_port() {
    local port
    while :; do
        port=$((10000 + RANDOM % 20000))
        port_taken "$port" || break
    done
    printf '%s' "$port"
}

# Starts a stack: stack_up DIRECTORY [NAME=VALUE…]. Sets BUREAU_DATA, BUREAU_PORT, URL, RUN and the
# rest of the gateway's environment. Limits are off unless given.
stack_up() {
    local dir=$1 out
    shift
    export BUREAU_DATA=$dir
    mkdir -p -- "$dir"
    unset "${!BUREAU_DATABASE@}" "${!BUREAU_MIGRATE@}" "${!BUREAU_REDIS@}" "${!BUREAU_SECRET@}" "${!BUREAU_LISTEN_DATABASE@}" BUREAU_SERVICES
    BUREAU_PORT=$(free_port)
    export BUREAU_PORT
    out=$(env BUREAU_RATE_LIMIT=0 BUREAU_RATE_LIMIT_GUEST=0 BUREAU_RATE_LIMIT_LOGIN=0 \
        BUREAU_ADMIN_PASSWORD=Correct-horse9 BUREAU_PG_CONF="fsync = off" "$@" \
        timeout -k 10 300 "$ROOT/deploy/up" --detach 2>&1) || {
        printf '%s\n' "$out" >&2
        return 1
    }
    find_run
    set -a
    . "$RUN/env"
    set +a
}

stack_down() {
    BUREAU_DATA=$1 "$ROOT/deploy/down" >/dev/null 2>&1
}

# --- TAP --------------------------------------------------------------------------------------------

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { # name, what was seen…
    printf 'not ok - %s\n' "$1"
    shift
    (($# == 0)) || printf '%s\n' "$@" | sed 's/^/#   /'
}
skip() { printf 'ok - %s # SKIP %s\n' "$1" "$2"; }
# is NAME WANTED GOT
is() {
    if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "expected: $2" "got:      $3"; fi
}
# like NAME REGEX GOT
like() {
    if [[ $3 =~ $2 ]]; then ok "$1"; else not_ok "$1" "expected something like: $2" "got: $3"; fi
}

# --- HTTP -------------------------------------------------------------------------------------------

# http VERB PATH TOKEN [BODY]: sets STATUS and BODY.
http() {
    local args=(-s -m 40 -X "$1" -H 'Accept: application/json' -w '\n%{content_type}\n%{http_code}' "$URL$2") type
    [[ -z $3 ]] || args+=(-H "Authorization: Bearer $3")
    [[ -z ${4:-} ]] || args+=(-H 'Content-Type: application/json' --data-binary "$4")
    BODY=$(curl "${args[@]}" 2>&1)
    STATUS=${BODY##*$'\n'}
    BODY=${BODY%$'\n'*}
    type=${BODY##*$'\n'}
    BODY=${BODY%$'\n'*}
    [[ -z ${BUREAU_EXCHANGES:-} || $STATUS == 000 ]] || keep_exchange "$1" "$2" "${4:-}" "$type"
}

# One line as tests/api/exchanges.c writes them, for tests/answers.sh.
keep_exchange() { # verb target sent type
    local line
    line=$(jq -cn --arg verb "$1" --arg target "$2" --rawfile sent <(printf %s "$3") --arg type "$4" \
        --rawfile body <(printf %s "$BODY") --argjson status "$STATUS" \
        '{status: $status, verb: $verb, target: $target, sent: $sent, type: $type, body: $body}')
    printf '%s\n' "$line" >>"$BUREAU_EXCHANGES"
}

# register NAME: a fresh organization; sets TOKEN, ORG, USER_ID, EMAIL.
register() {
    EMAIL=$1.$RANDOM$RANDOM@example.test
    http POST /register '' "{\"name\":\"$1\",\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\",
        \"password_confirmation\":\"Correct-horse9\",\"organization_name\":\"$1 $RANDOM\"}"
    TOKEN=$(jq -r .token <<<"$BODY" 2>/dev/null)
    ORG=$(jq -r .organization.id <<<"$BODY" 2>/dev/null)
    USER_ID=$(jq -r .user.id <<<"$BODY" 2>/dev/null)
    [[ $STATUS == 201 ]] || {
        warn "POST /register answered $STATUS: $BODY"
        return 1
    }
}

# until_true SECONDS command…: tries every 0.1 s; a busy machine has three times as long.
until_true() {
    local end=$((SECONDS + 3 * $1 + 1))
    shift
    while ((SECONDS < end)); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

stack_ready() { [[ $(curl -s -o /dev/null -m 5 -w '%{http_code}' "$URL/readyz") == 200 ]]; }
