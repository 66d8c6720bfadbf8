# lib.sh - what deploy/up, deploy/down, deploy/supervise and tests/run share: where things are,
# messages, pid files, building, the private PostgreSQL cluster. Sourced by bash.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
SERVICES=(accounts crm rentals billing sync)
export LC_ALL=C.UTF-8 # what tools say is looked at below; Bureau itself knows no locale
PG_BIN=${BUREAU_PG_BIN:-/usr/lib/postgresql/15/bin}

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "error: $*"
    exit 1
}

# The settings that these scripts need themselves, where they are given as NAME_FILE=path.
read_setting_files() {
    local name file text
    for name in BUREAU_DATA BUREAU_PORT BUREAU_LISTEN BUREAU_SERVICES; do
        file=${name}_FILE
        [[ -n ${!file:-} ]] || continue
        text=$(cat -- "${!file}") || die "$file=${!file} cannot be read"
        export "$name=$text"
        unset "$file"
    done
}

# Absolute form of BUREAU_DATA. The default is var/ of the checkout (var/demo/ for the demo), whatever
# directory we are called from; a relative path somebody gave is relative to where she stands.
find_data() {
    read_setting_files
    local data=${BUREAU_DATA:-$ROOT/var${BUREAU_DEMO:+/demo}}
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

# RUN: sockets and pid files. A Unix socket's path holds at most 107 bytes, and stands in addresses
# and configuration files where blanks and quotes mean something; under a deep or odd BUREAU_DATA,
# or one that user postgres cannot reach, they live in a short directory of our own.
find_run() {
    local listen=${BUREAU_LISTEN:-127.0.0.1}
    [[ $listen != 0.0.0.0 ]] || listen=127.0.0.1
    RUN=$BUREAU_DATA/run
    if ((${#RUN} > 70)) || [[ $RUN == *[!A-Za-z0-9./_+@%=-]* ]] || { ((EUID == 0)) && ! others_reach_data; }; then
        RUN=/tmp/bureau-$(id -u)-$(printf %s "$BUREAU_DATA" | sha256sum | cut -c1-12)
    fi
    PORT=${BUREAU_PORT:-8080}
    LISTEN=$listen
    URL=http://$LISTEN:$PORT
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
    pid_stop fakes TERM 5
    pid_stop redis TERM 10
    pid_stop postgres INT 30
    pg_stop_stray
    rm -f -- "$RUN"/*.ipc "$RUN"/*.ipc.slow "$RUN/env"
}

port_taken() { # port
    (exec 3<>"/dev/tcp/${LISTEN:-127.0.0.1}/$1") 2>/dev/null
}

# Builds targets in a directory of the tree; says nothing unless it fails or takes part in a fresh
# clone. build_tree DIR "cmake options" targets…
build_tree() {
    local dir=$1 options=$2 log home
    shift 2
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt" 2>/dev/null)
    [[ -n $home && $home != "$ROOT" ]] && rm -rf -- "$dir" # a moved or copied checkout
    mkdir -p -- "$dir" 2>/dev/null && [[ -w $dir ]] ||
        die "cannot build into $dir: it is not writable by $(id -un) (BUREAU_BIN names programs built elsewhere)"
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
    build_tree "$ROOT/build" "-DCMAKE_BUILD_TYPE=RelWithDebInfo -DWERROR=OFF" all ${BUREAU_DEMO:+bureau-fakes}
}

# The demo's providers: stand-ins on this machine that consent at once (tests/fakes). One set of
# settings for all of them; the real ones are never asked.
demo_settings() {
    FAKES=http://127.0.0.1:${BUREAU_DEMO_PORT:=8090}
    export BUREAU_DEMO BUREAU_DEMO_PORT
    export BUREAU_GOOGLE_CLIENT_ID=google-client BUREAU_GOOGLE_CLIENT_SECRET=google-secret
    export BUREAU_GOOGLE_AUTH_URL=$FAKES/o/oauth2/v2/auth BUREAU_GOOGLE_TOKEN_URL=$FAKES/token
    export BUREAU_GOOGLE_REVOKE_URL=$FAKES/revoke BUREAU_GOOGLE_USERINFO_URL=$FAKES/v1/userinfo
    export BUREAU_GOOGLE_API_URL=$FAKES/calendar/v3
    export BUREAU_MONEYBIRD_CLIENT_ID=moneybird-client BUREAU_MONEYBIRD_CLIENT_SECRET=moneybird-secret
    export BUREAU_MONEYBIRD_OAUTH_URL=$FAKES/oauth BUREAU_MONEYBIRD_API_URL=$FAKES/api/v2
    export BUREAU_OFFICE365_CLIENT_ID=office-client BUREAU_OFFICE365_CLIENT_SECRET=office-secret
    export BUREAU_OFFICE365_OAUTH_URL=$FAKES/common/oauth2/v2.0 BUREAU_OFFICE365_API_URL=$FAKES/v1.0
    export BUREAU_MONEYBIRD_BUDGET=${BUREAU_MONEYBIRD_BUDGET:-10000} BUREAU_SYNC_POLL_S=${BUREAU_SYNC_POLL_S:-10}
    export BUREAU_WEBHOOK_ALLOW_LOOPBACK=1
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

# MB of memory there are for us: the machine's, or fewer where a container may use fewer.
memory_mb() {
    local kb limit
    kb=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null)
    if [[ $limit =~ ^[0-9]+$ ]] && ((limit / 1024 < kb)); then kb=$((limit / 1024)); fi
    printf '%s' $((kb / 1024))
}

# shared_buffers and work_mem in MB for a machine of so many: 256 and 8, on small ones less.
pg_memory() { # MB
    local shared=$(($1 / 4)) work=8
    ((shared <= 256)) || shared=256
    ((shared >= 16)) || shared=16
    (($1 >= 2048)) || work=4
    printf '%s %s' "$shared" "$work"
}

pg_init() {
    local shared work
    [[ -x $PG_BIN/initdb ]] || die "PostgreSQL 15 is not in $PG_BIN (package postgresql-15; BUREAU_PG_BIN names another place)"
    pg_place
    if [[ ! -f $PGDATA/PG_VERSION ]]; then
        as_pg "$PG_BIN/initdb" -D "$PGDATA" -U postgres --encoding=UTF8 --locale=C.UTF-8 \
            --auth=trust --no-instructions >"$BUREAU_DATA/log/initdb.log" 2>&1 ||
            die "initdb failed: $(tail -n 3 "$BUREAU_DATA/log/initdb.log")"
        printf "include_if_exists 'bureau.conf'\n" | as_pg tee -a "$PGDATA/postgresql.conf" >/dev/null
    fi
    read -r shared work < <(pg_memory "$(memory_mb)")
    # No network; the socket directory is 0700, so "trust" means: root and the one who started it.
    as_pg tee "$PGDATA/bureau.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$PG_SOCKET'
unix_socket_permissions = 0700
max_connections = 150
shared_buffers = ${shared}MB
work_mem = ${work}MB
huge_pages = off
deadlock_timeout = 100ms
log_line_prefix = '%m [%p] %q%u '
${BUREAU_PG_CONF:-}
CONF
    pg_forget_dead
}

# Prints the pid of the server that works in a cluster, whoever started it. The lock file alone may
# name a process that is gone, or a pid that is someone else's by now.
pg_master() { # directory of the cluster
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
    [[ -n $pid && $(readlink "/proc/$pid/exe") == */postgres &&
        $(readlink "/proc/$pid/cwd") == "$1" ]] && printf '%s' "$pid"
}

# A server of our cluster without a pid file of ours: its supervisor was killed while it started.
pg_stop_stray() {
    local dir pid i
    dir=$(realpath -q -- "$BUREAU_DATA/postgres") || return 0
    pid=$(pg_master "$dir") || return 0
    kill -INT "$pid" 2>/dev/null
    for ((i = 0; i < 600; i++)); do
        pg_master "$dir" >/dev/null || return 0
        sleep 0.05
    done
}

pg_forget_dead() {
    pg_master "$PGDATA" >/dev/null && return 0
    [[ -e $PGDATA/postmaster.pid ]] || return 0
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
