#!/bin/bash
# isolation.sh - organizations are kept apart by three layers; each must hold alone: the derived SQL
# with row-level security off, row-level security with raw SQL, composite keys with both away.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run
PG_SOCKET=$RUN/pg

sql() { pg_sql bureau -c "$1" 2>&1; }
# as ROLE ORG SQL: as a service's role with that organization set.
as() {
    pg_sql bureau <<SQL 2>&1
BEGIN;
SET LOCAL ROLE $1;
SELECT set_config('bureau.org', '$2', true) \g /dev/null
SELECT set_config('bureau.user', '1', true) \g /dev/null
$3
ROLLBACK;
SQL
}

tenant_tables() {
    sql "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
         WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('accounts','crm','rentals','billing','sync')
         ORDER BY 1"
}

restore() {
    local table
    for table in $(tenant_tables); do sql "ALTER TABLE $table ENABLE ROW LEVEL SECURITY" >/dev/null; done
}
trap restore EXIT
trap 'exit 130' INT TERM

register Ours && ours=$TOKEN our_org=$ORG || exit 1
register Theirs && theirs=$TOKEN their_org=$ORG || exit 1
http POST /api/clients "$theirs" '{"name":"Their secret client"}'
their_client=$(jq -r .data.id <<<"$BODY")
http POST /api/tags "$theirs" '{"name":"Theirs"}'
their_tag=$(jq -r .id <<<"$BODY")
http POST /api/clients "$ours" '{"name":"Our client"}'
our_client=$(jq -r .data.id <<<"$BODY")

# Of every tenant table.
for table in $(tenant_tables); do
    flags=$(sql "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = '$table'::regclass")
    if [[ $flags == t ]]; then ok "$table forces row-level security"; else not_ok "$table forces row-level security" "$flags"; fi
done
loose=$(sql "SELECT c.conrelid::regclass || '.' || c.conname FROM pg_constraint c
     JOIN pg_attribute o ON o.attrelid = c.confrelid AND o.attname = 'organization_id'
     JOIN pg_attribute p ON p.attrelid = c.conrelid AND p.attname = 'organization_id'
    WHERE c.contype = 'f' AND NOT p.attnum = ANY (c.conkey)")
is "every reference between tenant tables carries the organization" "" "$loose"
is "no service role may bypass it" "" \
    "$(sql "SELECT rolname FROM pg_roles WHERE rolname LIKE 'bureau%' AND (rolsuper OR rolbypassrls)")"
is "no service role owns a table" "" \
    "$(sql "SELECT c.oid::regclass FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
            WHERE r.rolname LIKE 'bureau\_%' AND c.relkind IN ('r', 'p')")"

# Layer 3 alone: raw SQL, no WHERE.
is "a service sees the rows of its organization" 1 "$(as bureau_crm "$our_org" "SELECT count(*) FROM crm.clients;")"
is "and none of another" 0 "$(as bureau_crm "$our_org" "SELECT count(*) FROM crm.clients WHERE id = $their_client;")"
is "without an organization it sees none" 0 \
    "$(as bureau_crm '' "SELECT count(*) FROM crm.clients;" | grep -v 'invalid\|ERROR' || echo 0)"
is "it changes none of another" "" "$(as bureau_crm "$our_org" "UPDATE crm.clients SET name = 'x' WHERE id = $their_client RETURNING id;")"
is "it deletes none of another" "" "$(as bureau_crm "$our_org" "DELETE FROM crm.clients WHERE id = $their_client RETURNING id;")"
like "it writes none into another" "row-level security" \
    "$(as bureau_crm "$our_org" "INSERT INTO crm.clients (organization_id, name) VALUES ($their_org, 'x');")"
like "a service may not read another's tables" "permission denied" \
    "$(as bureau_billing "$our_org" "SELECT count(*) FROM accounts.users;")"

# Layer 2 alone: the owner of the tables, policies off, a reference across organizations.
sql "ALTER TABLE crm.contacts DISABLE ROW LEVEL SECURITY; ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY" >/dev/null
like "the composite key refuses a reference across organizations" "violates foreign key" \
    "$(sql "INSERT INTO crm.contacts (organization_id, first_name, last_name, client_id) VALUES ($our_org, 'A', 'B', $their_client)")"

# Layer 1 alone: every policy off; the derived SQL still separates.
for table in $(tenant_tables); do sql "ALTER TABLE $table DISABLE ROW LEVEL SECURITY" >/dev/null; done
http GET "/api/clients/$their_client" "$ours"
is "without policies: get is 404" 404 "$STATUS"
http GET "/api/clients?per_page=100" "$ours"
is "without policies: the list is ours" "$our_client" "$(jq -r '[.data[].id] | join(",")' <<<"$BODY")"
http PUT "/api/clients/$their_client" "$ours" '{"name":"taken over"}'
is "without policies: update is 404" 404 "$STATUS"
http DELETE "/api/clients/$their_client" "$ours"
is "without policies: delete is 404" 404 "$STATUS"
http GET "/api/tags/$their_tag" "$ours"
is "without policies: a tag is 404" 404 "$STATUS"
http GET "/api/tags" "$ours"
is "without policies: their tag is not listed" 0 "$(jq '[.data[] | select(.name == "Theirs")] | length' <<<"$BODY")"
http PUT "/api/tags/$their_tag" "$ours" '{"name":"Taken"}'
is "without policies: updating a tag is 404" 404 "$STATUS"
restore
http GET "/api/clients/$their_client" "$theirs"
is "and their client is as it was" "Their secret client" "$(jq -r .data.name <<<"$BODY")"
