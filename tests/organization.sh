#!/bin/bash
# organization.sh - one organization exported, erased, imported again, imported beside itself and into
# another Bureau; what is uncovered, damaged or another's is seen. TAP; starts two stacks of its own.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-organization.XXXXXX) && chmod 711 "$work"
finish() {
    stack_down "$work/one"
    stack_down "$work/two"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
bin=${BUREAU_BIN:-$ROOT/build/bin}
tool() { env -u BUREAU_MIGRATE_DATABASE_URL "$ROOT/deploy/organization" "$@" 2>&1; }
db() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$RUN/pg" -U postgres -d bureau "$@"; }
# The schema as the tool sees it, then SQL from stdin.
known() { db -f "$ROOT/deploy/organization.sql" -f - "$@"; }
rows() { sed 1d "$1"; } # but the head, which has the time
sealed() { [[ $(db -c 'SELECT count(*) FROM core.audit WHERE seq IS NULL') == 0 ]]; }
chain() { "$bin/bureau-accounts" --verify-audit >/dev/null 2>&1 && echo whole; }
# A sum of every row that is not of organization $1.
others() {
    known <<<"SELECT t, pg_temp.total(pg_temp.pick(t, 'p.organization_id <> $1', true)) FROM every WHERE is_tenant ORDER BY t"
}
# same NAME BEFORE AFTER: files, the difference is shown.
same() { is "$1" "" "$(diff "$2" "$3" | cut -c1-300 | head -n 6)"; }
answers() { # token organization
    local path
    for path in clients contacts communications projects 'time-blocks?start=2026-01-01&end=2026-12-31' materials \
        'events?start=2025-12-31&end=2026-12-31' "events/$event" parks custom-fields tags \
        companies persons webhooks integrations settings team 'changes?after=0' "clients/$client/history"; do
        echo "== $path"
        curl -s -m 20 -H "Authorization: Bearer $1" -H "X-Organization-Id: $2" "$URL/api/$path" |
            sed "s|http://127.0.0.1:[0-9]*||g"
        echo
    done
}
id() { jq -r '.data.id // .id' <<<"$BODY"; }

stack_up "$work/one" || exit 1
register other && other_user=$USER_ID other_token=$TOKEN || exit 1
register full && token=$TOKEN org=$ORG || exit 1
http POST /api/custom-fields "$token" '{"resource":"clients","field_id":"rank","label":"Rank","type":"Number"}'
http POST /api/clients "$token" '{"name":"Ålesund \"quoted\" \\ & Co","notes":"two\nlines\u0001","rank":7}'
client=$(id)
http POST /api/contacts "$token" "{\"first_name\":\"Ada\",\"last_name\":\"L\",\"client_id\":$client,\"user_id\":$other_user}"
http PUT "/api/clients/$client" "$token" '{"name":"Second"}'
http POST /api/team/invite "$token" '{"email":"later@example.test","role":"member"}'
http POST /api/clients "$other_token" '{"name":"Not yours"}'
# The owner of another organization belongs to this one too; then a row in every table that has none.
db -c "INSERT INTO accounts.members (organization_id, user_id, role) VALUES ($org, $other_user, 'member')"
until_true 20 sealed # else the fill makes a chain's end that the sealer then goes on from
known -v org="$org" -v usr="$USER_ID" -f "$ROOT/tests/organization-fill.sql" </dev/null || exit 1
event=$(db -c "SELECT min(id) FROM rentals.events WHERE organization_id = $org")
until_true 20 sealed
answers "$token" "$org" >"$work/before"
is "what is compared are answers" "" "$(grep -B1 -E '"(error|errors|exception)":|^\{"message"' "$work/before" | cut -c1-200)"

tool export "$org" --secrets >"$work/whole"
is "deploy/organization export ends well" 0 $?
tool export "$org" >"$work/open"
is "every table that goes along has a row in the test (else tests/organization-fill.sql lacks it)" "" \
    "$(tail -n 1 "$work/whole" | jq -r '.end | to_entries[] | select(.value.rows == 0) | .key')"
is "each line is JSON that names its table" "$(wc -l <"$work/whole")" "$(jq -c 'keys | length' "$work/whole" | grep -cx 1)"
is "no other organization's row is in it" "$org" \
    "$(jq -r '.[].organization_id? // empty' "$work/whole" | sort -u)"
is "with --secrets a password's hash is in it" 2 "$(grep -cF 'argon2id' "$work/whole")"
is "without there is none, no token and nothing sealed" 0 \
    "$(grep -cE 'argon2|"accounts.tokens" : \{"id|"sealed":"[^"]' "$work/open")"
is "every resource's history finds its table" "" "$(for name in $(sed -n 's/^RESOURCE(\(.*\))$/\1/p' "$ROOT/proto/resources.def"); do
    [[ $name == country ]] || known <<<"SELECT '$name' WHERE NOT EXISTS (SELECT FROM reference
        WHERE t = 'core.audit' AND cond = \$\$p.resource = '$name'\$\$)"
done)"
db -c 'CREATE TABLE crm.stray (id bigint PRIMARY KEY)'
like "a table that is nobody's stops the export" 'crm.stray: neither' "$(tool export "$org" 2>&1 >/dev/null; tool export "$org")"
db -c 'DROP TABLE crm.stray; ALTER TABLE crm.tags ADD stray_id bigint'
like "a column that may be a reference does too" 'crm.tags.stray_id: whose' "$(tool export "$org")"
db -c 'ALTER TABLE crm.tags DROP stray_id'

out=$(tool erase "$org")
like "erase without the name only counts" "1 crm.clients.*nothing was erased" "${out//$'\n'/ }"
like "and tells what stays open at providers" "still connected: google" "$out"
like "a wrong name is refused" 'is called' "$(tool erase "$org" Full)"
same "all is there" "$work/before" <(answers "$token" "$org")
others "$org" >"$work/others"
name=$(db -c "SELECT name FROM accounts.organizations WHERE id = $org")
http DELETE "/api/organizations/$org" "$token"
db -c "UPDATE accounts.organizations SET deleted_at = now() - interval '1 hour' WHERE id = $org" # gateways know it by then
out=$(tool erase "$org" "$name")
like "with the name it goes" "is erased" "$out"
is "nothing of it is left" "" "$(known <<<"SELECT * FROM pg_temp.census($org) WHERE n > 0")"
is "nor of who belonged to it alone" 0 "$(db -c "SELECT count(*) FROM accounts.users WHERE id = $USER_ID")"
is "who belongs to another stays" 1 "$(db -c "SELECT count(*) FROM accounts.users WHERE id = $other_user")"
same "others' rows are what they were, in every table" "$work/others" <(others "$org")
is "the chains of changes hold" whole "$(chain)"
http GET /api/clients "$token"
is "its tokens open nothing" 401 "$STATUS"

for fault in 's/Second/Third/;damaged' '$d;cut off' '/"core.audit" : {"id"/{s/"op":"update"/"op":"delete"/};damaged'; do
    sed "${fault%;*}" "$work/whole" >"$work/bad"
    like "a file that is ${fault##*;} is refused" "${fault##*;}" "$(tool import <"$work/bad")"
done
is "and leaves nothing" 0 "$(db -c "SELECT count(*) FROM accounts.organizations WHERE id = $org")"
like "import brings it back" "0 ids changed, 1 people were here" "$(tool import <"$work/whole")"
tool export "$org" --secrets >"$work/again"
same "exported again it is the same" <(rows "$work/whole") <(rows "$work/again")
same "the API answers as before" "$work/before" <(answers "$token" "$org")
http POST /api/clients "$token" '{"name":"New"}'
is "a new row gets a free id" 201 "$STATUS"
is "the chains hold" whole "$(chain)"
same "others' rows still are what they were" "$work/others" <(others "$org")

out=$(tool import <"$work/open")
copy=$(sed -n 's/^organization \([0-9]*\) .*/\1/p' <<<"$out")
like "imported beside itself, ids change" " [1-9][0-9]* ids changed, 2 people" "$out"
is "not a row less" "$(tail -n 1 "$work/open" | jq -r '.end | del(."accounts.tokens") | map_values(.rows) | tostring')" \
    "$(tool export "$copy" | tail -n 1 | jq -r '.end | map_values(.rows) | tostring')"
is "what a row names is of its own organization" "" "$(known <<<"SELECT format('SELECT %L FROM %s p JOIN %s h ON h.id = p.%I
    WHERE p.organization_id = $copy AND %s AND h.organization_id <> $copy', t || '.' || col, t, target, col, cond)
    FROM reference JOIN every USING (t) WHERE is_tenant AND target NOT LIKE 'accounts.%' \gexec")"
http POST /login '' "{\"email\":\"$EMAIL\",\"password\":\"Correct-horse9\"}" # gateways know her old places for a minute
fresh=$(jq -r .token <<<"$BODY")
is "the same names, other ids" '["Second"] true' \
    "$(answers "$fresh" "$copy" | sed -n '/^== clients$/{n;p}' | jq -r "([.data[].name] | tostring) + \" \(.data[0].id != $client)\"")"
is "its chain is made anew and holds" whole "$(chain)"

stack_up "$work/two" || exit 1
tool import <"$work/whole" >"$work/out"
like "another Bureau takes it with its ids" " 0 ids changed, 0 people" "$(cat "$work/out")"
same "and answers the same" "$work/before" <(answers "$token" "$org")
is "the chains hold there" whole "$(chain)"
db -c "UPDATE accounts.organizations SET deleted_at = now() - interval '1 hour'"
tool erase "$org" "$name" >/dev/null
db -c "INSERT INTO accounts.users (id, name, email, pseudo, password) VALUES ($USER_ID, 'Stranger', 's@example.test', 'full', '!')"
like "where another person has the id of one" " [1-9][0-9]* ids changed, 0 people" "$(tool import <"$work/whole")"
is "nothing names the stranger" "" "$(known <<<"SELECT format('SELECT %L FROM %s p WHERE p.organization_id = $org AND p.%I = $USER_ID',
    t || '.' || col, t, col) FROM reference JOIN every USING (t) WHERE is_tenant AND target = 'accounts.users' \gexec")"
answers "$token" "$org" >"$work/moved"
same "and she finds her things" <(tr -d 0-9 <"$work/before" | sed '/^== changes/,$d') \
    <(tr -d 0-9 <"$work/moved" | sed '/^== changes/,$d')
is "the chain is made anew" whole "$(chain)"
db -c "UPDATE accounts.organizations SET deleted_at = now() - interval '1 hour'"
like "its first organization may go" "is erased" "$(tool erase 1 Default)"
like "the last one stays" "only organization" "$(tool erase "$org" "$name")"
