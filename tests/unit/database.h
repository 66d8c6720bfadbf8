/*
 * database.h - a fresh database for a unit test on the server of BUREAU_TEST_DATABASE_URL (a
 * superuser's conninfo of a private server). Without it the tests that need one are skipped.
 * The database is dropped at exit.
 */
#ifndef TESTS_UNIT_DATABASE_H
#define TESTS_UNIT_DATABASE_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char database_name[64], database_url[512];

/* Runs SQL on a connection of its own; the first value of the answer, "" for none. */
static inline const char *database_ask(const char *conninfo, const char *sql)
{
    static char value[4096];
    PGconn *conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s: %s", conninfo, PQerrorMessage(conn));
    PGresult *rows = PQexec(conn, sql);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK && PQresultStatus(rows) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    snprintf(value, sizeof value, "%s", PQntuples(rows) > 0 ? PQgetvalue(rows, 0, 0) : "");
    PQclear(rows);
    PQfinish(conn);
    return value;
}

static inline void database_drop(void)
{
    char sql[160];
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", database_name);
    PGconn *conn = PQconnectdb(getenv("BUREAU_TEST_DATABASE_URL"));
    PQclear(PQexec(conn, sql));
    PQfinish(conn);
}

/* Makes the database once; false when there is no server to make it on. */
static inline bool database_open(void)
{
    const char *server = getenv("BUREAU_TEST_DATABASE_URL");
    char sql[160];
    if (server == NULL || *server == '\0')
        return false;
    if (database_url[0] != '\0')
        return true;
    snprintf(database_name, sizeof database_name, "unit_%ld", (long)getpid());
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", database_name);
    (void)database_ask(server, sql);
    atexit(database_drop);
    snprintf(database_url, sizeof database_url, "%s dbname=%s", server, database_name);
    return true;
}

/* First line of a test that needs the database. */
#define NEEDS_DATABASE()                                                                           \
    do {                                                                                           \
        if (!database_open()) {                                                                    \
            print_message("BUREAU_TEST_DATABASE_URL is not set\n");                                \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

#endif
