#!/bin/bash
# registered.sh - every resource is whole: its registration line has a table file, a table or view in
# a migration, and a case file that asks its path; and no table file is forgotten in resources.def.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
cd "$ROOT" || exit 1

names=$(sed -n 's/^RESOURCE(\([a-z_]*\)).*/\1/p' proto/resources.def)
for name in $names; do
    file=proto/resources/$name.c
    if [[ ! -f $file ]]; then
        not_ok "resource $name is described" "there is no $file"
        continue
    fi
    path=$(sed -n 's/^ *\.path = "\([^"]*\)".*/\1/p' "$file")
    table=$(sed -n 's/^ *\.table = "\([^"]*\)".*/\1/p' "$file")
    missing=
    grep -qEi "CREATE (TABLE|VIEW|OR REPLACE VIEW) (IF NOT EXISTS )?${table//./\\.}\b" services/*/sql/*.sql ||
        missing+="no migration in services/*/sql makes $table; "
    grep -qE "^> *[A-Z]+ $path([/?]|\$)" tests/api/cases/*.case 2>/dev/null ||
        missing+="no file in tests/api/cases asks $path; "
    if [[ -z $missing ]]; then ok "resource $name is whole"; else not_ok "resource $name is whole" "$missing"; fi
done
for file in proto/resources/*.c; do
    name=$(basename "$file" .c)
    grep -q "${name}_resource = {" "$file" || continue # shared parts of several tables
    if grep -q "^RESOURCE($name)" proto/resources.def; then
        ok "table $name is registered"
    else
        not_ok "table $name is registered" "$file is not in proto/resources.def"
    fi
done
