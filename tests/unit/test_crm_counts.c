/* The numbers a client carries about its contacts, communications and projects, and the totals of
   an organization, stay exact whatever is written at the same time. */
#include <pthread.h>
#include <string.h>

#include "services/core/migrate.h"
#include "tests/unit/database.h"

enum { WRITERS = 4, WRITES = 100 };

static const char identity[] = "SET bureau.org = 1; SET bureau.\"user\" = 1;"
                               " SET deadlock_timeout = 5; SET synchronous_commit = off";

static PGconn *open_writer(void)
{
    PGconn *conn = PQconnectdb(database_url);
    PQclear(PQexec(conn, identity));
    return conn;
}

/* One transaction of one to three statements; a deadlock undoes all of it, as does every fifth. */
static void write_something(PGconn *conn, unsigned *seed)
{
    static const char *const statements[] = {
        "INSERT INTO crm.contacts (first_name, last_name, client_id)"
        " SELECT 'A', 'B', nullif(i % 4, 0) FROM generate_series($1::integer, $1::integer + 2) i",
        "UPDATE crm.contacts SET client_id = nullif((client_id + $1::integer) % 4, 0) WHERE id % 7 "
        "= $1::integer",
        "UPDATE crm.contacts SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END"
        " WHERE id % 5 = $1::integer % 5 AND $1::integer >= 0",
        "DELETE FROM crm.contacts WHERE id % 11 = $1::integer % 11 AND $1::integer >= 0",
        "INSERT INTO crm.communications (type, subject, client_id)"
        " VALUES ('note', 'S', 1 + $1::integer % 3), ('task', 'S', 1 + $1::integer % 3)",
        "UPDATE crm.communications SET client_id = 1 + (id + $1::integer) % 3 WHERE id % 6 = "
        "$1::integer",
        "DELETE FROM crm.communications WHERE id % 9 = $1::integer % 9 AND $1::integer >= 0",
        "INSERT INTO billing.projects (name, client_id) VALUES ('P', 1 + $1::integer % 3), ('P' || "
        "$1::integer, NULL)",
        "UPDATE billing.projects SET client_id = 1 + (id + $1::integer) % 3, deleted_at = CASE"
        " WHEN deleted_at IS NULL THEN now() END WHERE id % 4 = $1::integer % 4",
        "UPDATE crm.clients SET industry = 'x' || $1::integer WHERE id = 1 + $1::integer % 3",
    };
    char value[12];
    const char *const values[] = {value};
    PQclear(PQexec(conn, "BEGIN"));
    for (int i = rand_r(seed) % 3; i >= 0; i--) {
        unsigned n = (unsigned)rand_r(seed) % 7;
        const char *one = statements[(size_t)rand_r(seed) % COUNT_OF(statements)];
        snprintf(value, sizeof value, "%u", n);
        PQclear(PQexecParams(conn, one, 1, NULL, values, NULL, NULL, 0));
    }
    PQclear(PQexec(conn, rand_r(seed) % 5 == 0 ? "ROLLBACK" : "COMMIT"));
}

static void *write_in_thread(void *argument)
{
    unsigned seed = *(unsigned *)argument;
    PGconn *conn = open_writer();
    for (int i = 0; i < WRITES; i++)
        write_something(conn, &seed);
    PQfinish(conn);
    return NULL;
}

static void test_counts_are_exact_after_parallel_writes(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(migrate_run(database_url, UNIT_SQL_DIR), ERR_OK);
    (void)database_ask(database_url,
                       "SET bureau.org = 1; SET bureau.\"user\" = 1;"
                       "INSERT INTO crm.clients (organization_id, name, updated_at)"
                       " SELECT 1, 'C' || i, '2020-01-01Z' FROM generate_series(1, 3) i");
    pthread_t threads[WRITERS];
    unsigned seeds[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        seeds[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, write_in_thread, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_string_equal(
        database_ask(database_url,
                     "SELECT count(*) FROM crm.clients c WHERE updated_at = '2020-01-01Z'"
                     " AND contacts_count = (SELECT count(*) FROM crm.contacts x"
                     " WHERE x.client_id = c.id AND x.deleted_at IS NULL)"
                     " AND communications_count = (SELECT count(*) FROM crm.communications x"
                     " WHERE x.client_id = c.id AND x.deleted_at IS NULL)"
                     " AND projects_count = (SELECT count(*) FROM billing.projects x"
                     " WHERE x.client_id = c.id AND x.deleted_at IS NULL)"),
        "3");
    assert_string_equal(
        database_ask(database_url,
                     "SELECT (SELECT sum(n) FROM crm.counters WHERE kind = 'contacts')"
                     " = (SELECT count(*) FROM crm.contacts WHERE deleted_at IS NULL)"
                     " AND (SELECT sum(n) FROM crm.counters WHERE kind = 'communications')"
                     " = (SELECT count(*) FROM crm.communications WHERE deleted_at IS NULL)"),
        "t");
    /* What was written is no trifle: each number was above zero at some client. */
    assert_string_equal(database_ask(database_url,
                                     "SELECT min(n) > 0 FROM (SELECT max(contacts_count) AS n"
                                     " FROM crm.clients UNION ALL SELECT max(communications_count)"
                                     " FROM crm.clients UNION ALL SELECT max(projects_count)"
                                     " FROM crm.clients) m"),
                        "t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_exact_after_parallel_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
