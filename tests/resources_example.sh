#!/bin/bash
# resources_example.sh - builds the worked example of docs/resources.md: takes the files from the
# page, puts them into a copy of the tree, starts it and tries the new resource.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-example.XXXXXX) && chmod 711 "$work"
cleanup() {
    trap '' INT TERM
    [[ ! -d $work/var ]] || BUREAU_DATA=$work/var "$tree/deploy/down" >/dev/null 2>&1
    rm -rf -- "$work"
}
tree=$work/tree
trap cleanup EXIT
trap 'exit 130' INT TERM
unset BUREAU_BIN

mkdir "$tree"
(cd "$ROOT" && tar -c --exclude='./build*' --exclude=./var --exclude=./.git --exclude=node_modules .) | tar -x -C "$tree"
# `path` on a line of its own names the file that the next block holds.
awk -v tree="$tree" '
    /^`[^`]+`$/ { path = tree "/" substr($0, 2, length($0) - 2); next }
    /^```def$/ { path = tree "/proto/resources.def"; on = 1; append = 1; next }
    /^```[a-z]+$/ { on = path != ""; append = 0; next }
    /^```$/ { on = 0; path = ""; next }
    on && append { print >> path; next }
    on { print > path }' "$ROOT/docs/resources.md"
for file in proto/resources/warehouse.c services/rentals/sql/900_warehouses.sql tests/api/cases/warehouses.case; do
    [[ -s $tree/$file ]] || not_ok "docs/resources.md holds $file" "it does not"
done

ROOT=$tree
if out=$( (build_programs && build_tree "$tree/build" "" bureau-run-cases bureau-conformance) 2>&1); then
    ok "the example builds"
else
    not_ok "the example builds" "$out"
    exit 1
fi
if out=$(stack_up "$work/var" 2>&1); then
    ok "and starts"
else
    not_ok "and starts" "$out"
    exit 1
fi
find_data
BUREAU_DATA=$work/var
find_run
set -a
. "$RUN/env"
set +a
find_run
"$tree/tests/registered.sh" | grep warehouse
"$tree/build/bin/bureau-run-cases" --base "$URL" "$tree/tests/api/cases/warehouses.case"
"$tree/build/bin/bureau-conformance" --base "$URL" warehouse
# Each of the four parts is missed when it is not there.
rm "$tree/tests/api/cases/warehouses.case" "$tree/services/rentals/sql/900_warehouses.sql"
like "a resource without its parts turns the tests red" "not ok - resource warehouse" "$("$tree/tests/registered.sh")"
