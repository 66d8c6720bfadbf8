#!/bin/bash
# upgrade.sh - the version of tests/previous runs under load; this one migrates beside it, takes the place
# of each program, and gives it back: not one request may fail, whichever versions meet. TAP.
# tests/upgrade.sh [requests a second, 40]. Builds the previous version once, in build/previous-COMMIT.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

command -v node >/dev/null || {
    skip "upgrading" "node is not installed"
    exit 0
}
previous=$(cat "$ROOT/tests/previous")
git -C "$ROOT" cat-file -e "$previous^{commit}" 2>/dev/null || {
    skip "upgrading" "commit $previous of tests/previous is not in this clone (git fetch --unshallow)"
    exit 0
}
rate=${1:-40}
work=$(mktemp -d /tmp/bureau-upgrade.XXXXXX) && chmod 711 "$work"
finish() {
    copies_end
    stack_down "$work/stack"
    rm -rf -- "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
. "$ROOT/tests/copies.sh"
db() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$RUN/pg" -U postgres "$@"; }
schema_of() { "$PG_BIN/pg_dump" -s -h "$RUN/pg" -U postgres "$1" | grep -vE "^.(un)?restrict " | sort; }

before=$ROOT/build/previous-${previous:0:12}
mkdir -p "$before/tree"
git -C "$ROOT" archive "$previous" | tar -x -m -C "$before/tree" --skip-old-files || exit 1
programs=(bureau-gateway "${SERVICES[@]/#/bureau-}")
(ROOT=$before/tree && build_tree "$before/build" "-DCMAKE_BUILD_TYPE=RelWithDebInfo -DWERROR=OFF" "${programs[@]}") || exit 1
old=$before/build/bin new=$bin
for name in "${programs[@]}"; do
    [[ $("$new/$name" --version) == "$name $(sed -n 's/^project(bureau VERSION \([0-9.]*\) .*/\1/p' "$ROOT/CMakeLists.txt")" ]] ||
        not_ok "$name --version tells its version" "$("$new/$name" --version)"
done

stack_up "$work/stack" BUREAU_BIN="$old" || exit 1
copies_prepare 2 2
start_all "$old"
is "the previous version runs: $("$old/bureau-crm" --version)" 12 "${#pid[@]}"
URL=http://127.0.0.1:${port[gateway1]}
register upgrade || exit 1
# Version 0.1.0 asks a second lane to the same dying copy: its 503 with Retry-After is asked again.
AGAIN=1 load_start "$rate"
sleep 2
if "$new/bureau-accounts" --migrate >"$work/migrate" 2>&1; then ok "this one migrates beside it"; else
    not_ok "this one migrates beside it" "$(tail -n 3 "$work/migrate")"
fi
like "it says what it did" 'schema is up to date' "$(tail -n 1 "$work/migrate")"
sleep 2
for which in "${!bind[@]}"; do ready "$which" || not_ok "the previous version takes the new schema: $which"; done
# Copy 1 of each service, a gateway, copy 2, the other gateway: old asks new and new asks old. Back, the
# gateways go first.
for which in "${SERVICES[@]/%/1}" gateway1 "${SERVICES[@]/%/2}" gateway2; do
    replace "$which" "$new"
    sleep 0.5
done
ok "every program is of this version: $("$new/bureau-crm" --version)"
sleep 2
for which in gateway2 "${SERVICES[@]/%/2}" gateway1 "${SERVICES[@]/%/1}"; do
    replace "$which" "$old"
    sleep 0.5
done
sleep 2
load_end
is "no request failed on the way up and down" 0 "$(jq .failed <<<"$counts")"
jq -c '.kinds | select(length > 0)' <<<"$counts" | sed 's/^/#   /'
is "no write was lost, none done twice" "$(jq .created <<<"$counts")" "$(jq .found <<<"$counts")"
(($(jq .asked <<<"$counts") > rate * 10)) && ok "there was load: $(jq .asked <<<"$counts") requests" || not_ok "there was load" "$counts"

# The previous version's own cases, by its programs on the new schema.
for name in crm_clients crm_custom_fields rentals_events billing_bills billing_time_blocks billing_timers accounts_team; do
    out=$(timeout 120 "$bin/bureau-run-cases" --base "$URL" "$before/tree/tests/api/cases/$name.case" 2>&1)
    if [[ $out == *"ok -"* ]] && ! grep -q '^not ok' <<<"$out"; then ok "the previous version passes $name on the new schema"; else
        not_ok "the previous version passes $name on the new schema" "$(grep -A6 '^not ok' <<<"$out" | head -n 12)"
    fi
done

db -d postgres -c 'CREATE DATABASE fresh OWNER bureau TEMPLATE template0'
db -d fresh -c 'ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF'
BUREAU_MIGRATE_DATABASE_URL="host=$RUN/pg user=bureau dbname=fresh" "$new/bureau-accounts" --migrate >"$work/fresh" 2>&1 ||
    not_ok "an empty database is migrated" "$(tail -n 3 "$work/fresh")"
is "an upgraded schema is that of a new database" "" "$(diff <(schema_of bureau) <(schema_of fresh) | head -n 10)"
