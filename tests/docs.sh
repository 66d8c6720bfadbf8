#!/bin/bash
# docs.sh - documents that list things list all of them: README.md the documents, docs/testing.md the
# parts of tests/run and the commands of their own, docs/operations.md the settings, as the programs' --help
# tells them. What a document names by its path is there, and knows the options it is named with; what is
# printed to be run is a session, which tests/sessions.sh runs.
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

for name in $(sed -nE 's/^ +tap ([a-z0-9_]+) .*/\1/p' .ci/run) $(sed -nE 's/^\| `tests\/([a-z0-9_]+)\.sh.*/\1/p' docs/testing.md); do
    [[ -x tests/$name.sh ]] && grep -q "^| \`tests/$name\.sh" docs/testing.md || missing+=" $name"
done
if [[ -z $missing ]]; then ok "docs/testing.md names every command of .ci/run"; else not_ok "docs/testing.md names every command of .ci/run" "$missing"; fi

# Paths and programs between backticks or at the head of an indented line, with what stands behind them.
named=$({
    grep -ohE '`[^`]+`' README.md docs/*.md | tr -d '`'
    grep -hE '^    [.a-z]+/' README.md docs/*.md | sed 's/#.*//'
} | sed -E 's/^ +//; s#^bureau-[a-z]+ --#build/bin/&#' |
    grep -E '^(\.ci|deploy|tests|k8s|services|proto|gateway|common|docs|build/bin)/[A-Za-z0-9_./-]+( |$)' |
    grep -v warehouse | sort -u) # tests/resources_example.sh makes these files
wrong=
while read -r path rest; do
    if [[ $path == build/bin/* ]]; then
        [[ " $PROGRAMS fakes tables " == *" ${path#build/bin/bureau-} "* ]] || wrong+=" $path"
        help=$([[ $rest != --* ]] || env -i "$BUREAU_BIN/${path#build/bin/}" --help 2>&1)
    else
        [[ -e $path ]] || wrong+=" $path"
        help=$([[ $rest != *--* ]] || cat "$path")
    fi
    for option in $(grep -oE -- '--[a-z-]+' <<<"$rest"); do
        grep -q -- "$option\b" <<<"$help" || wrong+=" $path$option"
    done
done <<<"$named"
count=$(wc -l <<<"$named")
((count > 80)) || wrong+=" (only $count were found)"
if [[ -z $wrong ]]; then ok "what documents name by a path is there, with its options ($count)"; else not_ok "what documents name by a path is there, with its options" "$wrong"; fi

# docs/errors.md has a test of its own; paths below tests/ are looked at above.
loose=$(awk '/^```(sh|bash|shell|console)/ { print FILENAME ":" FNR ": " $0 }
    /^```/ { fenced = !fenced; next }
    !fenced && /^    (\(|[A-Z_]+=|(deploy|build)\/|(curl|psql|redis-cli|make|cmake|git|docker|kubectl|node|npm) )/ {
        print FILENAME ":" FNR ": " $0 }' docs/*.md | grep -v '^docs/errors.md:')
if [[ -z $loose ]]; then ok "every printed command is of a session"; else not_ok "every printed command is of a session" "$loose"; fi
