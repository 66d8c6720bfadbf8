#include "services/core/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/crypto.h"

enum { FILES_MAX = 512 };

static const char *const folders[] = {"core", "accounts", "crm", "rentals", "billing", "sync"};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct migration *)a)->name, ((const struct migration *)b)->name);
}

static bool is_sql(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, ".sql") == 0 && name[0] >= '0' && name[0] <= '9';
}

static bool read_file(struct arena *arena, const char *path, struct slice *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    struct buf text;
    char part[8192];
    size_t n;
    buf_init(&text, arena);
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        buf_put(&text, part, n);
    bool good = ferror(file) == 0;
    fclose(file);
    *out = (struct slice){text.data, text.len};
    return good;
}

static bool add_file(struct arena *arena, const char *dir, const char *name, struct migration *out)
{
    struct slice text;
    out->name = name;
    if (!read_file(arena, arena_printf(arena, "%s/%s", dir, name), &text)) {
        fprintf(stderr, "%s/%s cannot be read: %s\n", dir, name, strerror(errno));
        return false;
    }
    out->sql = text.data;
    crypto_sha256_hex(text.data, text.len, out->sha256);
    return true;
}

static bool add_folder(struct arena *arena, const char *dir, const char *folder,
                       struct migration *list, size_t *n)
{
    DIR *entries = opendir(arena_printf(arena, "%s/%s", dir, folder));
    size_t first = *n;
    bool good = true;
    if (entries == NULL)
        return errno == ENOENT; /* a service without tables */
    for (struct dirent *e = readdir(entries); good && e != NULL; e = readdir(entries))
        if (is_sql(e->d_name) && *n < FILES_MAX)
            good = add_file(arena, dir, arena_printf(arena, "%s/%s", folder, e->d_name),
                            &list[(*n)++]);
    closedir(entries);
    qsort(list + first, *n - first, sizeof *list, by_name);
    return good;
}

bool migrate_list(struct arena *arena, const char *dir, struct migration **out, size_t *n)
{
    bool good = true;
    *n = 0;
    *out = arena_alloc(arena, FILES_MAX * sizeof **out);
    for (size_t i = 0; good && i < COUNT_OF(folders); i++)
        good = add_folder(arena, dir, folders[i], *out, n);
    if (good && *n == 0) {
        fprintf(stderr, "%s holds no migrations\n", dir);
        good = false;
    }
    return good;
}

static bool run(PGconn *conn, const char *sql, const char *what)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return true;
    fprintf(stderr, "%s: %s", what, PQerrorMessage(conn));
    return false;
}

/* Under a lock of the session, so that two at once take turns. */
static bool prepare(PGconn *conn)
{
    return run(conn,
               "SET client_min_messages = warning; SET search_path = public;"
               " SET statement_timeout = 0; SELECT pg_advisory_lock(4242711604)",
               "waiting for other migrations") &&
           run(conn,
               "CREATE SCHEMA IF NOT EXISTS core; CREATE TABLE IF NOT EXISTS core.migrations ("
               "name text PRIMARY KEY, sha256 text NOT NULL,"
               " applied_at timestamptz NOT NULL DEFAULT now())",
               "making core.migrations");
}

enum state { STATE_NEW, STATE_APPLIED, STATE_EDITED, STATE_UNKNOWN };

static enum state state_of(PGconn *conn, const struct migration *file)
{
    const char *params[] = {file->name};
    PGresult *rows = PQexecParams(conn, "SELECT sha256 FROM core.migrations WHERE name = $1", 1,
                                  NULL, params, NULL, NULL, 0);
    enum state state = STATE_UNKNOWN;
    if (PQresultStatus(rows) == PGRES_TUPLES_OK) {
        bool applied = PQntuples(rows) == 1;
        bool same = applied && strcmp(PQgetvalue(rows, 0, 0), file->sha256) == 0;
        state = !applied ? STATE_NEW : same ? STATE_APPLIED : STATE_EDITED;
    }
    PQclear(rows);
    return state;
}

static bool note_applied(PGconn *conn, const struct migration *file)
{
    const char *params[] = {file->name, file->sha256};
    PGresult *done =
        PQexecParams(conn, "INSERT INTO core.migrations (name, sha256) VALUES ($1, $2)", 2, NULL,
                     params, NULL, NULL, 0);
    bool good = PQresultStatus(done) == PGRES_COMMAND_OK;
    PQclear(done);
    if (!good)
        fprintf(stderr, "%s: %s", file->name, PQerrorMessage(conn));
    return good;
}

static enum err apply(PGconn *conn, const struct migration *file)
{
    if (run(conn, "BEGIN", file->name) && run(conn, file->sql, file->name) &&
        note_applied(conn, file) && run(conn, "COMMIT", file->name)) {
        printf("applied %s\n", file->name);
        return ERR_OK;
    }
    (void)run(conn, "ROLLBACK", file->name);
    fprintf(stderr, "%s was not applied; nothing of it stays.\n", file->name);
    return ERR_INVALID;
}

/* The services' login may have been made after the first migration. */
static bool grant_roles(PGconn *conn)
{
    return run(conn,
               "DO $$ BEGIN IF to_regprocedure('core.grant_roles()') IS NOT NULL THEN"
               " PERFORM core.grant_roles(); END IF; END $$",
               "granting the services' roles");
}

static enum err apply_all(PGconn *conn, const struct migration *files, size_t n)
{
    /* Edited files are found before anything new is applied. */
    for (size_t i = 0; i < n; i++) {
        enum state state = state_of(conn, &files[i]);
        if (state == STATE_UNKNOWN) {
            fprintf(stderr, "core.migrations cannot be read: %s", PQerrorMessage(conn));
            return ERR_UNAVAILABLE;
        }
        if (state == STATE_EDITED) {
            fprintf(stderr,
                    "%s was edited after it had been applied. Put the file back as it was and"
                    " write the change into a new file.\n",
                    files[i].name);
            return ERR_CONFLICT;
        }
    }
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < n; i++)
        if (state_of(conn, &files[i]) == STATE_NEW)
            err = apply(conn, &files[i]);
    if (err == ERR_OK && !grant_roles(conn))
        err = ERR_INVALID;
    if (err == ERR_OK)
        printf("schema is up to date: %zu files\n", n);
    return err;
}

enum err migrate_run(const char *conninfo, const char *dir)
{
    struct arena *arena = arena_new(1 << 16);
    struct migration *files;
    size_t n;
    enum err err = ERR_INTERNAL;
    PGconn *conn = NULL;

    if (!migrate_list(arena, dir, &files, &n))
        goto out;
    conn = PQconnectdb(conninfo);
    err = ERR_UNAVAILABLE;
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "PostgreSQL cannot be reached: %s", PQerrorMessage(conn));
        goto out;
    }
    if (prepare(conn))
        err = apply_all(conn, files, n);
out:
    fflush(stdout);
    PQfinish(conn); /* gives the lock back */
    arena_destroy(arena);
    return err;
}
