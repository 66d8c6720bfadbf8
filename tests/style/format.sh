#!/bin/sh
# Every C file is as clang-format 14 leaves it. Prints those that are not; 1 then.
cd "$(dirname "$0")/../.." || exit 2

tool=$(command -v clang-format-14 || command -v clang-format) || {
    echo "clang-format 14 is not installed" >&2
    exit 2
}
files=$(find common proto services gateway tests -name '*.[ch]' -o -name 'fuzz_*.c' -path 'tests/*')
# Two at once, several files a call: starting it is what costs.
printf '%s\n' $files | xargs -P 2 -n 40 "$tool" --dry-run 2>&1 |
    sed -n 's/^\([^:]*\):\([0-9]*\):.*/\1:\2: clang-format would change it/p' |
    awk -F: '!seen[$1]++ { print; bad = 1 } END { exit bad }'
