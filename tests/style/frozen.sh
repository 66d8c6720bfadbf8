#!/bin/sh
# Migrations that were handed out stay as they are: services/migrations.sha256 lists all of them, oldest
# first, and only grows. So do the lists whose places are numbers between programs of two versions.
# Prints what to do about each that does not fit; 1 then.
cd "$(dirname "$0")/../.." || exit 2
list=services/migrations.sha256
bad=0
say() {
    echo "$*"
    bad=1
}

for file in services/*/sql/[0-9]*.sql; do
    now=$(sha256sum "$file")
    case $(grep -c " $file\$" "$list") in
    0) say "$file is new: sha256sum $file >>$list" ;;
    1) grep -qxF "$now" "$list" ||
        say "$file was edited: put it back (git checkout) and write the change into a new file" ;;
    *) say "$file stands twice in $list" ;;
    esac
done
while read -r hash file; do
    [ -f "$file" ] || say "$file ($hash) is gone: databases that ran it want it back"
done <"$list"

# Old databases get a new file last, new ones in the order of names: both must be the same order.
bad_order=$(sed 's/^[0-9a-f]*  //' "$list" | LC_ALL=C awk -F/ '
    ($2 in last) && $4 "" <= last[$2] { print $0 ": take a number above that of " last[$2] }
    { last[$2] = $4 "" }')
[ -z "$bad_order" ] || say "$bad_order"

# Against editing a file and its line: what the previous version had.
previous=$(cat tests/previous)
if git cat-file -e "$previous^{commit}" 2>/dev/null; then
    for file in $(git ls-tree -r --name-only "$previous" services | grep '/sql/[0-9][^/]*\.sql$'); do
        [ "$(git rev-parse "$previous:$file")" = "$(git hash-object "$file" 2>/dev/null)" ] ||
            say "$file is not what version $previous has: git checkout $previous -- $file"
    done
    for file in proto/rules.def common/err.def; do
        was=$(git show "$previous:$file" | grep -oE '^(RULE|ERR)\([A-Z_0-9]+')
        now=$(grep -oE '^(RULE|ERR)\([A-Z_0-9]+' "$file" | head -n "$(echo "$was" | wc -l)")
        [ "$was" = "$now" ] || say "$file: what version $previous has keeps its place; new lines come last"
    done
fi
exit $bad
