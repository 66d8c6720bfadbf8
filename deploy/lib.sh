# lib.sh - what deploy/up, deploy/down, deploy/supervise and tests/run share: where things are,
# messages, pid files, building, the private PostgreSQL cluster. Sourced by bash.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
SERVICES=(accounts crm rentals billing sync)
PG_BIN=${BUREAU_PG_BIN:-/usr/lib/postgresql/15/bin}

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "error: $*"
    exit 1
}

# Absolute form of BUREAU_DATA. The default is var/ of the checkout, whatever directory we are
# called from; a relative path somebody gave is relative to where she stands.
find_data() {
    local data=${BUREAU_DATA:-$ROOT/var}
    [[ $data == /* ]] || data=$PWD/$data
    BUREAU_DATA=$(realpath -m -- "$data")
    export BUREAU_DATA
}

# Whether other users (postgres, when we are root) get as far as the directory of BUREAU_DATA.
others_reach_data() {
    local dir=$BUREAU_DATA
    while [[ $dir != / ]]; do
        dir=$(dirname -- "$dir")
        [[ ! -d $dir || $(stat -c %a -- "$dir") == *[1357] ]] || return 1
    done
}

# RUN: sockets and pid files. A Unix socket's path holds at most 107 bytes; under a deep
# BUREAU_DATA, or one that user postgres cannot reach, they live in a short directory of our own.
find_run() {
    RUN=$BUREAU_DATA/run
    if ((${#RUN} > 70)) || { ((EUID == 0)) && ! others_reach_data; }; then
        RUN=/tmp/bureau-$(id -u)-$(printf %s "$BUREAU_DATA" | sha256sum | cut -c1-12)
    fi
    PORT=${BUREAU_PORT:-8080}
    URL=http://127.0.0.1:$PORT
}

# mkdir, private to us; refuses a directory somebody else prepared.
make_private_dir() {
    mkdir -p -- "$1" || die "cannot make $1: is there space, and may $(id -un) write there?"
    [[ -O $1 ]] || die "$1 belongs to somebody else"
    chmod "${2:-0700}" -- "$1"
}

make_layout() {
    mkdir -p -- "$BUREAU_DATA" || die "cannot make $BUREAU_DATA: is there space, and may $(id -un) write there?"
    [[ -w $BUREAU_DATA ]] || die "$BUREAU_DATA is not writable by $(id -un): was it made by root before? (chown it, or set BUREAU_DATA)"
    # PostgreSQL refuses to be root and must get through to its directory; what is secret is
    # 0700 by itself.
    ((EUID == 0)) && chmod o+x -- "$BUREAU_DATA"
    local dir
    for dir in log mail; do make_private_dir "$BUREAU_DATA/$dir"; done
    make_private_dir "$RUN" "$( ((EUID == 0)) && echo 0711 || echo 0700)"
}

# Start of a process in clock ticks since boot: with the pid it names one process for ever.
started_at() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    set -- ${stat##*) }
    [[ $1 != Z ]] && printf '%s' "${20}"
}

pid_write() { # name pid
    local start
    start=$(started_at "$2") || return 0
    printf '%s %s\n' "$2" "$start" >"$RUN/$1.pid"
}

# Prints the pid in a pid file when that very process still lives.
pid_alive() { # name
    local pid start
    read -r pid start 2>/dev/null <"$RUN/$1.pid" || return 1
    [[ $pid =~ ^[0-9]+$ && $(started_at "$pid") == "$start" ]] && printf '%s' "$pid"
}

# Ends a process of ours: signal, then KILL after so many seconds. Pid file goes.
pid_stop() { # name signal seconds
    local pid i
    if pid=$(pid_alive "$1"); then
        kill "-$2" "$pid" 2>/dev/null
        for ((i = 0; i < $3 * 20; i++)); do
            pid_alive "$1" >/dev/null || break
            sleep 0.05
        done
        pid_alive "$1" >/dev/null && kill -KILL "$pid" 2>/dev/null
    fi
    rm -f -- "$RUN/$1.pid"
}

# Gateway first, so that nobody is cut off in the middle; the stores last.
stop_programs() {
    local name pid
    pid_stop gateway TERM 15
    for name in "${SERVICES[@]}"; do
        pid=$(pid_alive "$name") && kill -TERM "$pid" 2>/dev/null
    done
    for name in "${SERVICES[@]}"; do pid_stop "$name" TERM 10; done
    pid_stop redis TERM 10
    pid_stop postgres INT 30
    rm -f -- "$RUN"/*.ipc "$RUN"/*.ipc.slow "$RUN/env"
}

port_taken() { # port
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Builds targets in a directory of the tree; says nothing unless it fails or takes part in a fresh
# clone. build_tree DIR "cmake options" targets…
build_tree() {
    local dir=$1 options=$2 log home
    shift 2
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt" 2>/dev/null)
    [[ -n $home && $home != "$ROOT" ]] && rm -rf -- "$dir" # a moved or copied checkout
    mkdir -p -- "$dir" || die "cannot make $dir"
    log=$dir/build.log
    [[ -f $dir/CMakeCache.txt ]] || warn "building into ${dir#"$ROOT"/} (the first time takes a minute or two)"
    (
        flock 8 # one build at a time in a directory
        # make knows targets that are new in CMakeLists.txt only when it was configured before.
        if [[ ! -f $dir/Makefile || $ROOT/CMakeLists.txt -nt $dir/Makefile ]]; then
            # shellcheck disable=SC2086 # options are several words
            cmake -S "$ROOT" -B "$dir" -G "Unix Makefiles" $options || exit 1
        fi
        cmake --build "$dir" -j "$(nproc)" --target "$@"
    ) >"$log" 2>&1 8>"$dir/.lock" && return 0
    grep -E -A6 'error|Error|No space' "$log" | head -40 >&2
    grep -q 'No space left' "$log" && warn "hint: the disk is full; the build needs about 200 MB"
    die "the build failed; the whole output is in $log"
}

build_programs() {
    build_tree "$ROOT/build" "-DCMAKE_BUILD_TYPE=RelWithDebInfo -DWERROR=OFF" all
}

# --- the private PostgreSQL cluster ---------------------------------------------------------------

# PostgreSQL does not run as root: then it runs as the user its package made.
as_pg() {
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        "$@"
    fi
}

# Where the cluster lives: PGDATA. Under /root and the like user postgres cannot get there; the
# cluster is then kept in /var/lib/bureau and BUREAU_DATA/postgres points to it.
pg_place() {
    PGDATA=$BUREAU_DATA/postgres
    PG_SOCKET=$RUN/pg
    make_private_dir_for_pg "$PG_SOCKET"
    if [[ ! -e $PGDATA ]] && ((EUID == 0)) && ! others_reach_data; then
        mkdir -p /var/lib/bureau
        local place
        place=$(mktemp -d /var/lib/bureau/postgres.XXXXXX) || die "cannot make a directory in /var/lib/bureau"
        chown postgres: "$place"
        ln -s "$place" "$PGDATA"
        warn "user postgres cannot enter $BUREAU_DATA; the cluster is kept in $place"
    fi
    make_private_dir_for_pg "$PGDATA"
    PGDATA=$(realpath -- "$PGDATA")
}

make_private_dir_for_pg() {
    mkdir -p -- "$1" || die "cannot make $1"
    chmod 0700 -- "$1/."
    ((EUID != 0)) || chown postgres: -- "$1/."
}

pg_init() {
    [[ -x $PG_BIN/initdb ]] || die "PostgreSQL 15 is not in $PG_BIN (package postgresql-15; BUREAU_PG_BIN names another place)"
    pg_place
    if [[ ! -f $PGDATA/PG_VERSION ]]; then
        as_pg "$PG_BIN/initdb" -D "$PGDATA" -U postgres --encoding=UTF8 --locale=C.UTF-8 \
            --auth=trust --no-instructions >"$BUREAU_DATA/log/initdb.log" 2>&1 ||
            die "initdb failed: $(tail -n 3 "$BUREAU_DATA/log/initdb.log")"
        printf "include_if_exists 'bureau.conf'\n" | as_pg tee -a "$PGDATA/postgresql.conf" >/dev/null
    fi
    # No network; the socket directory is 0700, so "trust" means: root and the one who started it.
    as_pg tee "$PGDATA/bureau.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$PG_SOCKET'
unix_socket_permissions = 0700
max_connections = 150
shared_buffers = 128MB
log_line_prefix = '%m [%p] %q%u '
${BUREAU_PG_CONF:-}
CONF
    pg_forget_dead
}

# After kill -9 the lock file names a process that is gone, or a pid that is someone else's by now.
pg_forget_dead() {
    local pid exe
    pid=$(head -n 1 "$PGDATA/postmaster.pid" 2>/dev/null) || return 0
    exe=$(readlink "/proc/$pid/exe" 2>/dev/null)
    [[ $exe == */postgres ]] && return 0
    rm -f -- "$PGDATA/postmaster.pid" "$PG_SOCKET"/.s.PGSQL.*
}

pg_sql() { # database, then psql's arguments
    local database=$1
    shift
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG_SOCKET" -U postgres -d "$database" "$@"
}

pg_wait() { # seconds
    local i
    for ((i = 0; i < $1 * 10; i++)); do
        "$PG_BIN/pg_isready" -q -h "$PG_SOCKET" -U postgres && return 0
        sleep 0.1
    done
    return 1
}

# The roles: `bureau` owns the schema and migrates it, `bureau_app` is who the services sign in as
# (each then becomes bureau_<its name>). Neither is a superuser.
pg_roles() {
    pg_sql postgres <<'SQL' || return 1
SELECT 'CREATE ROLE bureau LOGIN NOSUPERUSER CREATEROLE'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bureau') \gexec
SELECT 'CREATE ROLE bureau_app LOGIN NOINHERIT NOSUPERUSER'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bureau_app') \gexec
SELECT 'CREATE DATABASE bureau OWNER bureau TEMPLATE template0 ENCODING ''UTF8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'bureau') \gexec
SQL
    # Under forced row-level security the planner uses an index for LIKE only when LIKE's function
    # is known to leak nothing about rows it is not shown; it does not, but only we may say so.
    pg_sql bureau -c 'ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF'
}
