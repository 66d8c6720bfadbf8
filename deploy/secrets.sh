#!/bin/sh
# secrets.sh - makes the secret files of deploy/compose.yaml once: deploy/secrets.sh [DIRECTORY]
set -eu
dir=${1:-$(dirname -- "$0")/secrets}
mkdir -p -- "$dir"
chmod 0700 "$dir"
random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }
for name in secret_key postgres_password app_password; do
    [ -s "$dir/$name" ] || random >"$dir/$name"
done
[ -s "$dir/database_url" ] || printf 'postgresql://bureau_app:%s@postgres/bureau' "$(cat "$dir/app_password")" >"$dir/database_url"
[ -s "$dir/migrate_url" ] || printf 'postgresql://bureau:%s@postgres/bureau' "$(cat "$dir/postgres_password")" >"$dir/migrate_url"
chmod 0444 "$dir"/* # compose mounts them as they are, for user 10001; the directory keeps others out
