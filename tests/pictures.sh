#!/bin/bash
# pictures.sh - the pictures of docs/pictures are those of their text sources. TAP; skipped without npm.
# "pictures.sh --write" draws them anew.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
work=$(mktemp -d /tmp/bureau-pictures.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM
cp -- "$ROOT"/tests/pictures/* "$work/"
(cd "$work" && command -v npm && timeout 200 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0) >"$work/npm.log" 2>&1 || {
    skip "the pictures" "npm is missing or out of reach"
    exit 0
}
for source in "$ROOT"/docs/pictures/*.dot; do
    picture=${source%.dot}.svg
    node "$work/draw.mjs" "$source" >"$work/picture.svg" || not_ok "${source##*/} can be drawn"
    [[ ${1:-} != --write ]] || cp -- "$work/picture.svg" "$picture"
    cmp -s "$work/picture.svg" "$picture" && ok "${picture##*/} is the present one" ||
        not_ok "${picture##*/} is the present one" "tests/pictures.sh --write"
    grep -q "(pictures/${picture##*/})\|(docs/pictures/${picture##*/})" "$ROOT"/README.md "$ROOT"/docs/*.md &&
        ok "${picture##*/} is shown" || not_ok "${picture##*/} is shown" "no document does"
done
