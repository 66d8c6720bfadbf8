#!/bin/bash
# sessions.sh - runs the blocks marked "session" of documents as printed, one after the other in one
# shell, and compares the answers: sessions.sh DOCUMENT…  TAP. What is printed must come: JSON with "…": "…"
# for more members, text with … for any. What stands for a place of the reader's (the port, /backups, the
# host db) is a place of the test's; ids and tokens are this database's own. README.md and
# docs/webhooks.md want a running stack; docs/operations.md starts and stops its own.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
command -v jq >/dev/null || "$ROOT/deploy/packages" --tests || exit 1
cd "$ROOT" || exit 1
find_data
find_run
work=$(mktemp -d /tmp/bureau-sessions.XXXXXX) && chmod 711 "$work"
bin=${BUREAU_BIN:-$ROOT/build/bin}
suffix=$RANDOM$RANDOM stack=
second=$(free_port) cache=$(free_port)
db=$work/own/run/pg
token= printed=none id=none # the last that an answer told

finish() {
    local pids
    pids=$(jobs -p)
    [[ -z $stack ]] || stack_down "$work/var"
    # shellcheck disable=SC2086 # words
    [[ -z $pids ]] || kill -INT $pids 2>/dev/null
    wait
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The servers that docs/operations.md calls db and cache, and a directory for its own deploy/up.
operator() {
    local as=()
    stack=1
    unset "${!BUREAU_@}"
    export BUREAU_BIN=$bin BUREAU_PG_CONF="fsync = off" BUREAU_DATA=$work/own
    find_run
    make_layout
    pg_init
    ((EUID == 0)) && as=(--reuid=postgres --regid=postgres --init-groups)
    setpriv "${as[@]}" --pdeathsig INT "$PG_BIN/postgres" -D "$PGDATA" </dev/null >"$work/postgres.log" 2>&1 &
    setpriv --pdeathsig TERM redis-server --bind 127.0.0.1 --port "$cache" --save '' --dir "$work" \
        </dev/null >"$work/redis.log" 2>&1 &
    db=$PG_SOCKET
    pg_wait 30 || die "PostgreSQL did not start: $(tail -n 3 "$work/postgres.log")"
    BUREAU_DATA=$work/var BUREAU_PORT=$(free_port)
    export BUREAU_PORT
    mkdir "$work/backups"
    find_run
}

# What has to be there before a command is tried.
prepare() {
    case $1 in
    'deploy/organization list') # the one with the id that is printed
        PG_SOCKET=$RUN/pg
        pg_sql bureau -c 'ALTER SEQUENCE accounts.organizations_id_seq RESTART 7'
        http POST /register '' '{"name":"Ada","email":"ada@example.test","password":"Correct-horse9",
            "password_confirmation":"Correct-horse9","organization_name":"Acme Ltd"}'
        ;;
    "deploy/organization erase 7 '"*) # closed for so long that nothing has to be waited for
        pg_sql bureau -c "UPDATE accounts.organizations SET deleted_at = now() - interval '1 hour' WHERE id = 7"
        ;;
    esac
}

# As printed → as it is here, and back.
here() {
    sed -E -e "s#http://127.0.0.1:8080#$URL#g; s#\b8081\b#$second#g; s#cache:6379#127.0.0.1:$cache#" \
        -e "s#host=db\b#host=$db#g; s#-h db\b#-h $db#g; s#/backups|/srv/other|\borganization-7.jsonl|\bbureau.postman.json#$work/&#g" \
        -e "s#\bvar/run/#${RUN:-var/run}/#g; s#build/bin/#$bin/#g" \
        -e "s#ada@example.test#ada.$suffix@example.test#g; s#(/api/[a-z]+)/$printed\b#\1/$id#g" "$1"
}
back() {
    sed -e "s#$URL#http://127.0.0.1:8080#g; s#ada\.$suffix@#ada@#; s#ada-sons-[a-z0-9]*\"#ada-sons\"#; s#$work/*/#/#g" "$1"
}

fits='def fits($want): . as $got | ($want | type) as $type |
    if $type == "object" then
        ($got | type == "object") and
        all($want | keys[]; . as $k | $k == "…" or (($got | has($k)) and ($got[$k] | fits($want[$k])))) and
        (($want | has("…")) or ($got | keys) == ($want | keys))
    elif $type == "array" then
        ($got | type == "array") and ($got | length) == ($want | length) and
        all(range($want | length); . as $i | $got[$i] | fits($want[$i]))
    elif $type == "string" and ($want | test("^[0-9]+[|].*…$")) then $got | type == "string" and test("^[0-9]+[|].{48}$")
    elif $type == "string" and ($want | endswith("…")) then $got | type == "string" and startswith($want[:-1])
    else $got == $want end;
    def ids: walk(if type == "object" and (.id | type) == "number" then .id = 0 else . end);
    ($got | ids) | fits($want | ids)'
# same GOT WANT: files. Only JSON that holds an object is compared as JSON.
same() {
    local pattern
    if jq -e 'type == "object"' "$2" >/dev/null 2>&1; then
        [[ $(jq -n --slurpfile g "$1" --slurpfile w "$2" "\$g[0] as \$got | \$w[0] as \$want | $fits" 2>/dev/null) == true ]]
    else
        pattern=$(sed 's/[][\\*?(]/\\&/g; s/…/*/g' "$2")
        # shellcheck disable=SC2053 # a pattern
        [[ $(cat "$1") == $pattern ]]
    fi
}

try() { # document, number
    local command name status
    name="$1: $(head -n 1 "$work/cmd.$2" | cut -c1-70)"
    command=$(here "$work/cmd.$2")
    [[ $command != node\ * ]] || command -v node >/dev/null || {
        skip "$name" "node is missing"
        return
    }
    [[ $command != TOKEN=* ]] || command=TOKEN=\$token
    prepare "$command"
    eval "$command" >"$work/out.$2" 2>&1 </dev/null
    status=$?
    back "$work/out.$2" >"$work/got"
    token=$(jq -r '.token // empty' "$work/got" 2>/dev/null | grep . || printf %s "$token")
    if jq -e '.data.id? | numbers' "$work/got" >/dev/null 2>&1; then
        id=$(jq .data.id "$work/got") printed=$(jq '.data.id? // "none"' "$work/want.$2")
    fi
    if ((status == 0)) && same "$work/got" "$work/want.$2"; then
        ok "$name"
    else
        not_ok "$name" "status $status, expected:" "$(cat "$work/want.$2")" "got:" "$(head -c 1500 "$work/got")"
    fi
}

for document in "$@"; do
    [[ $document != docs/operations.md ]] || operator
    # Commands (joined over their lines) to cmd.N, the printed answer behind each to want.N.
    n=$(awk -v dir="$work" '
        /^```session/ { on = 1; next }
        /^```/ { on = 0; next }
        !on { next }
        /^\$ / { n++; file = dir "/cmd." n; sub(/^\$ /, ""); print > file; printf "" > (dir "/want." n); more = 1; next }
        more && /^    / { print > file; next }
        { more = 0; print > (dir "/want." n) }
        END { print n + 0 }' "$document")
    ((n >= 2)) && ok "$document has sessions ($n commands)" || not_ok "$document has sessions" "$n commands"
    for ((i = 1; i <= n; i++)); do try "$document" "$i"; done
done
