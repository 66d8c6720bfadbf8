#!/bin/bash
# docs.sh - documents that list things list all of them: README.md the documents, docs/testing.md the
# parts of tests/run, docs/operations.md the settings, as the programs' --help tells them.
# "docs.sh --settings" prints the table of settings.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
cd "$ROOT" || exit 1
BUREAU_BIN=${BUREAU_BIN:-$ROOT/build/bin}
PROGRAMS="gateway accounts crm rentals billing sync"

# One row a setting: name, who reads it, default with its unit, what it is (the gateway's words first).
settings() {
    local program
    for program in $PROGRAMS; do
        env -i "$BUREAU_BIN/bureau-$program" --help | sed "s/^/$program /"
    done | awk '
        $2 ~ /^BUREAU_[A-Z0-9_]+$/ && NF == 2 { name = $2; next }
        name == "" { next }
        {
            who[name] = who[name] == "" ? $1 : who[name] ", " $1
            n[name]++
            if (n[name] == 1) {
                sub(/^[a-z]+ +/, "")
                match($0, / Default: .*\.$/)
                def[name] = substr($0, RSTART + 10, RLENGTH - 11)
                text[name] = substr($0, 1, RSTART - 1)
                if (match(text[name], / Unit: .*\.$/)) {
                    def[name] = def[name] " " substr(text[name], RSTART + 7, RLENGTH - 8)
                    text[name] = substr(text[name], 1, RSTART - 1)
                }
                sub(/\.$/, "", text[name])
            }
            name = ""
        }
        END {
            for (s in n) {
                if (n[s] == 6) who[s] = "all"
                if (n[s] == 5 && who[s] !~ /gateway/) who[s] = "services"
                printf "| `%s` | %s | %s | %s |\n", s, who[s], def[s] == "none" ? "" : def[s], text[s]
            }
        }' | LC_ALL=C sort
}

if [[ ${1:-} == --settings ]]; then
    settings
    exit
fi

table=$(settings)
said=$(grep -E '^\| `BUREAU_[A-Z0-9_]+` \|' docs/operations.md)
if [[ -n $table && $said == "$table" ]]; then
    ok "docs/operations.md lists every setting as --help tells it"
else
    not_ok "docs/operations.md lists every setting as --help tells it" \
        "tests/docs.sh --settings prints the rows; they differ by:" \
        "$(diff <(printf '%s\n' "$said") <(printf '%s\n' "$table"))"
fi

unknown=
for name in $(grep -ohE 'BUREAU_[A-Z0-9_]+[A-Z0-9]' README.md docs/*.md | sort -u); do
    grep -q "\`$name\`" <<<"$table" && continue
    # What only the scripts read, and NAME_FILE of a setting.
    grep -q "\`${name%_FILE}\`" <<<"$table" || grep -rqw "$name" deploy tests/*.sh tests/run || unknown+=" $name"
done
if [[ -z $unknown ]]; then ok "documents name no setting that is none"; else not_ok "documents name no setting that is none" "$unknown"; fi

for file in docs/*.md; do
    if grep -q "]($file)" README.md; then ok "README.md leads to $file"; else not_ok "README.md leads to $file" "add it to its table"; fi
done

missing=
for name in $("$ROOT/tests/run" --list); do
    grep -q "^| \`$name\`" docs/testing.md || grep -q "^| \`${name%%/*}/…\`" docs/testing.md || missing+=" $name"
done
if [[ -z $missing ]]; then ok "docs/testing.md names every part"; else not_ok "docs/testing.md names every part" "$missing"; fi
