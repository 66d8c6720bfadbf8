#!/bin/bash
# readme.sh - runs the session of README.md as printed and compares the answers. Volatile: ids,
# tokens, and the reader's address; "…": "…" allows more members.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
command -v jq >/dev/null || "$ROOT/deploy/packages" --tests || exit 1
find_data
find_run
failed=0
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Commands (joined over their lines) to cmd.N, the printed answer behind each to want.N.
awk -v dir="$work" '
    /^```session/ { on = 1; next }
    /^```/ { on = 0; next }
    !on { next }
    /^\$ / { n++; file = dir "/cmd." n; sub(/^\$ /, ""); print > file; more = 1; next }
    more && /^    / { print > file; next }
    { more = 0; print > (dir "/want." n) }
    END { print n > (dir "/n") }' "$ROOT/README.md"

# The shape of an answer: what is volatile becomes a word; members the README leaves out are dropped.
fits='def fits($want): . as $got | ($want | type) as $type |
    if $type == "object" then
        ($got | type == "object") and
        all($want | keys[]; . as $k | $k == "…" or (($got | has($k)) and ($got[$k] | fits($want[$k])))) and
        (($want | has("…")) or ($got | keys) == ($want | keys))
    elif $type == "array" then
        ($got | type == "array") and ($got | length) == ($want | length) and
        all(range($want | length); . as $i | $got[$i] | fits($want[$i]))
    elif $type == "string" and ($want | test("^[0-9]+[|].*…$")) then $got | type == "string" and test("^[0-9]+[|].{48}$")
    else $got == $want end;'

suffix=$RANDOM$RANDOM
n=$(cat "$work/n")
is "the README has a session" true "$( ((n >= 5)) && echo true)"
((n >= 5)) || failed=1
map= # ids as printed and as they are here
for ((i = 1; i <= n; i++)); do
    command=$(sed -e "s#http://127.0.0.1:8080#$URL#g; s#ada@example.test#ada.$suffix@example.test#g" "$work/cmd.$i")
    if [[ $command == TOKEN=* ]]; then
        TOKEN=$token
        continue
    fi
    [[ -z ${client:-} ]] || command=${command//companies\/1/companies\/$client}
    got=$(eval "$command" 2>&1)
    token=$(jq -r '.token // empty' <<<"$got" 2>/dev/null || true)
    [[ -n $token ]] && TOKEN_NEXT=$token
    token=${TOKEN_NEXT:-}
    new=$(jq -r '.data.id? // empty' <<<"$got" 2>/dev/null)
    [[ -z $new ]] || client=$new
    # Ids are this database's own: compare their types only.
    ids='walk(if type == "object" and (.id | type) == "number" then .id = 0 else . end)'
    got=$(jq -c "$ids" <<<"$got" 2>/dev/null | sed "s/ada\.$suffix@/ada@/; s/ada-sons-[a-z0-9]*\"/ada-sons\"/")
    want=$(jq -c "$ids" "$work/want.$i" 2>/dev/null)
    if [[ $(jq -n --argjson got "${got:-null}" --argjson want "${want:-0}" "$fits \$got | fits(\$want)" 2>/dev/null) == true ]]; then
        ok "README: $(head -n 1 "$work/cmd.$i" | cut -c1-70)"
    else
        not_ok "README: $(head -n 1 "$work/cmd.$i" | cut -c1-70)" "expected: $want" "got:      $got"
        failed=$((failed + 1))
    fi
done
((failed == 0))
