#!/bin/bash
# postgres.sh - stands in for the entry point of the image postgres:15-bookworm: an empty cluster is made,
# a server that listens on its Unix socket only runs while the scripts of /docker-entrypoint-initdb.d do,
# then the real one listens on TCP and asks for passwords there.
set -eu
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    # shellcheck disable=SC2086 # several words
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses='' -c fsync=off"
    for script in /docker-entrypoint-initdb.d/*.sh; do
        # shellcheck disable=SC1090
        if [[ -x $script ]]; then "$script"; else . "$script"; fi
    done
    pg_ctl -w -m fast stop
fi
exec postgres -c listen_addresses='*' -c fsync=off
