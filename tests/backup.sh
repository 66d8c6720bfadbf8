#!/bin/bash
# backup.sh - backup, verify, restore: a round trip over which rows, passwords, tokens and the chain of
# changes hold. TAP; starts two stacks of its own.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-backup.XXXXXX) && chmod 711 "$work"
finish() {
    stack_down "$work/one"
    stack_down "$work/two"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
bin=${BUREAU_BIN:-$ROOT/build/bin}
plain() { env -u BUREAU_DATABASE_URL -u BUREAU_MIGRATE_DATABASE_URL -u BUREAU_REDIS_URL -u BUREAU_SECRET_KEY_FILE "$@"; }

# The number of rows of every table.
counts() {
    pg_sql bureau -c "SELECT schemaname || '.' || relname || ' ' || (xpath('//n/text()', query_to_xml(format(
        'SELECT count(*) AS n FROM %I.%I', schemaname, relname), false, true, '')))[1]
        FROM pg_stat_user_tables WHERE relname NOT IN ('idempotency', 'sessions') ORDER BY 1"
}

stack_up "$work/one" || exit 1
PG_SOCKET=$RUN/pg
register backup || exit 1
for i in 1 2 3; do http POST /api/clients "$TOKEN" "{\"name\":\"Kept $i\"}"; done
http GET '/api/clients?sort=id' "$TOKEN"
before=$(jq -c .data <<<"$BODY")
is "there are three clients" 3 "$(jq length <<<"$before")"
until_true 20 eval '[[ $(pg_sql bureau -c "SELECT count(*) FROM core.audit WHERE seq IS NULL") == 0 ]]'
rows=$(counts)
out=$(plain "$ROOT/deploy/backup" "$work/saved" 2>&1)
is "deploy/backup ends well" 0 $?
is "only its owner gets into a backup" 700 "$(stat -c %a "$work/saved")"
like "it says what to keep apart" 'master key' "$out"
plain "$ROOT/deploy/backup" "$work/saved" >/dev/null 2>&1
is "a second one does not write over it" 1 $?
is "deploy/restore --verify finds it whole" 0 "$(plain "$ROOT/deploy/restore" --verify "$work/saved" >/dev/null 2>&1 && echo 0)"
cp -R "$work/saved" "$work/spoilt"
printf x | dd of="$work/spoilt/bureau.dump" bs=1 seek=4000 conv=notrunc 2>/dev/null
like "a damaged one is told" 'damaged' "$(plain "$ROOT/deploy/restore" --verify "$work/spoilt" 2>&1)"
http POST /api/clients "$TOKEN" '{"name":"After the backup"}'
like "a restore spares data that is there" 'deploy/down|holds data' "$(plain "$ROOT/deploy/restore" "$work/saved" 2>&1)"
stack_down "$work/one"
like "also when it is stopped" 'holds data' "$(plain "$ROOT/deploy/restore" "$work/saved" 2>&1)"

out=$(plain env BUREAU_DATA="$work/two" "$ROOT/deploy/restore" "$work/saved" 2>&1)
is "deploy/restore ends well" 0 $? || true
like "it says so" 'restored into' "$out"
email=$EMAIL token=$TOKEN
stack_up "$work/two" || exit 1
PG_SOCKET=$RUN/pg
is "every table has as many rows" "" "$(diff <(echo "$rows") <(counts))"
is "the history is among them" 3 "$(grep '^core.audit ' <<<"$rows" | cut -d' ' -f2)"
http GET '/api/clients?sort=id' "$token"
is "the token works and the rows are the same, to the byte" "$before" "$(jq -c .data <<<"$BODY" | sed "s|http://127.0.0.1:[0-9]*|$URL|g")"
http POST /login '' "{\"email\":\"$email\",\"password\":\"Correct-horse9\"}"
is "the password too" 200 "$STATUS"
http POST /api/clients "$token" '{"name":"New"}'
is "a new row gets a new id" 201 "$STATUS"
"$bin/bureau-accounts" --verify-audit >/dev/null 2>"$work/err"
is "the chain of changes holds" 0 $?
"$bin/bureau-accounts" --migrate >/dev/null 2>&1
is "the schema is up to date" 0 $?
