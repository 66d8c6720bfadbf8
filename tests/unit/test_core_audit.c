/* The log of changes: nothing in it can be changed unseen. */
#include "services/core/audit.h"

#include "services/core/crud.h"
#include "tests/unit/engine_database.h"

static struct pg *accounts, *crm;

/* A fresh chain of five changes of organization 1, and one of organization 2. */
static void begin_chain(void)
{
    if (accounts == NULL) {
        accounts = pg_open_as(database_url, "unit-seal", "bureau_accounts");
        crm = pg_open_as(database_url, "unit-verify", "bureau_crm");
    }
    (void)database_ask(database_url,
                       "SET session_replication_role = replica; DELETE FROM core.audit;"
                       " DELETE FROM core.audit_head");
    int64_t id = make("{\"name\":\"one\"}");
    (void)ask(&engine_thing, "update", id, "{\"name\":\"two\"}");
    (void)ask(&engine_thing, "update", id, "{\"name\":\"three\"}");
    (void)ask(&engine_thing, "delete", id, NULL);
    (void)ask(&engine_thing, "restore", id, NULL);
    struct engine_call *e = prepare(&engine_thing, "create", 0, NULL, "{\"name\":\"other\"}");
    e->request.who.organization_id = 2;
    assert_int_equal(run(e), ERR_OK);
    while (audit_seal(accounts))
        ;
    assert_int_equal(audit_verify(crm), 0);
}

/* As somebody who may do anything in the database. */
static void tamper(const char *sql)
{
    char text[512];
    snprintf(text, sizeof text, "SET session_replication_role = replica; %s", sql);
    (void)database_ask(database_url, text);
}

static const char *value(const char *sql) { return database_ask(database_url, sql); }

static void test_each_organization_has_its_chain(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    assert_string_equal(value("SELECT string_agg(organization_id || ':' || seq, ' '"
                              " ORDER BY organization_id, seq) FROM core.audit"),
                        "1:1 1:2 1:3 1:4 1:5 2:1");
    assert_string_equal(value("SELECT count(*) FROM core.audit a JOIN core.audit b"
                              " ON b.organization_id = a.organization_id AND b.seq = a.seq + 1"
                              " AND b.prev_hash = a.hash"),
                        "4");
}

/* The hash can be worked out by anybody who has the row. */
static void test_the_hash_is_over_every_column(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    assert_string_equal(
        value("SELECT bool_and(hash = sha256(coalesce(prev_hash, '') || convert_to("
              "jsonb_build_array(seq, id, organization_id, resource, row_id, op, user_id, token_id,"
              " request_id, extract(epoch FROM at), changes)::text, 'UTF8'))) FROM core.audit"),
        "t");
}

static void test_a_change_is_found(void **state)
{
    static const char *const changes[] = {"changes = '{}'",     "user_id = 99",
                                          "token_id = 99",      "row_id = 99",
                                          "op = 'create'",      "resource = 'x'",
                                          "request_id = 'x'",   "at = at + interval '1 us'",
                                          "hash = sha256('x')", "prev_hash = sha256('x')"};
    (void)state;
    NEEDS_DATABASE();
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        char sql[256];
        begin_chain();
        snprintf(sql, sizeof sql, "UPDATE core.audit SET %s WHERE organization_id = 1 AND seq = 3",
                 changes[i]);
        tamper(sql);
        assert_true(audit_verify(crm) > 0);
    }
}

static void test_a_missing_row_is_found(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    tamper("DELETE FROM core.audit WHERE organization_id = 1 AND seq = 3");
    assert_int_equal(audit_verify(crm), 1);
    assert_string_equal(value("SELECT seq || ' ' || fault FROM core.audit_verify()"),
                        "4 a row before this one is missing");
}

static bool is_refused(struct pg *connection, const char *text)
{
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault;
    sql_init(&sql, arena);
    sql_puts(&sql, text);
    assert_int_equal(pg_begin(connection, 1, 7, 5000), ERR_OK);
    enum err err = pg_run(connection, arena, &sql, &rows, &fault);
    pg_rollback(connection);
    return err != ERR_OK;
}

/* What is cut off at the end leaves a chain that is whole in itself; the recorded end tells. */
static void test_missing_newest_rows_are_found(void **state)
{
    static const char *const cuts[][2] = {
        {"seq > 4", "5 the newest 1 rows are missing"},
        {"seq > 1", "5 the newest 4 rows are missing"},
        {"seq > 0", "5 the newest 5 rows are missing"},
    };
    (void)state;
    NEEDS_DATABASE();
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        char sql[256];
        begin_chain();
        snprintf(sql, sizeof sql, "DELETE FROM core.audit WHERE organization_id = 1 AND %s",
                 cuts[i][0]);
        tamper(sql);
        assert_int_equal(audit_verify(crm), 1);
        assert_string_equal(value("SELECT seq || ' ' || fault FROM core.audit_verify()"),
                            cuts[i][1]);
    }
    /* Nor does a chain that goes on afterwards close over the gap. */
    begin_chain();
    tamper("DELETE FROM core.audit WHERE organization_id = 1 AND seq > 3");
    (void)make("{\"name\":\"later\"}");
    while (audit_seal(accounts))
        ;
    assert_int_equal(audit_verify(crm), 1);
    assert_string_equal(value("SELECT seq || ' ' || fault FROM core.audit_verify()"),
                        "6 a row before this one is missing");
}

/* The end of a chain is the sealer's: no service reads or writes it, and it goes only forward. */
static void test_the_end_is_the_sealers(void **state)
{
    static const char *const statements[] = {
        "UPDATE core.audit_head SET seq = 1", "DELETE FROM core.audit_head",
        "TRUNCATE core.audit_head", "INSERT INTO core.audit_head VALUES (1, 1, 'x')",
        "SELECT core.audit_head_set(1, 1, 'x')"};
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    struct pg *owner = pg_open(database_url, "unit-owner");
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        assert_true(is_refused(crm, statements[i]));
        assert_true(is_refused(accounts, statements[i]));
        assert_true(is_refused(owner, statements[i]));
    }
    pg_close(owner);
    assert_string_equal(value("SELECT seq FROM core.audit_head WHERE organization_id = 1"), "5");
    tamper("DELETE FROM core.audit_head WHERE organization_id = 1");
    assert_int_equal(audit_verify(crm), 1);
}

/* Whoever changes a row and makes its hash good breaks the next one. */
static void test_a_forged_hash_breaks_the_next_row(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    tamper("UPDATE core.audit SET user_id = 99 WHERE organization_id = 1 AND seq = 3");
    tamper("UPDATE core.audit a SET hash = core.audit_hash(a, a.seq, a.prev_hash)"
           " WHERE organization_id = 1 AND seq = 3");
    assert_int_equal(audit_verify(crm), 1);
    assert_string_equal(value("SELECT seq FROM core.audit_verify()"), "4");
}

static void test_two_rows_cannot_change_places(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    tamper("UPDATE core.audit SET seq = seq + 100 WHERE organization_id = 1 AND seq = 2;"
           "UPDATE core.audit SET seq = 2 WHERE organization_id = 1 AND seq = 3;"
           "UPDATE core.audit SET seq = 3 WHERE organization_id = 1 AND seq = 102");
    assert_true(audit_verify(crm) > 0);
}

static void test_it_is_append_only(void **state)
{
    static const char *const statements[] = {"UPDATE core.audit SET changes = '{}'",
                                             "DELETE FROM core.audit", "TRUNCATE core.audit"};
    (void)state;
    NEEDS_DATABASE();
    begin_chain();
    struct pg *owner = pg_open(database_url, "unit-owner");
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        assert_true(is_refused(crm, statements[i]));
        assert_true(is_refused(accounts, statements[i]));
        assert_true(is_refused(owner, statements[i])); /* by a trigger, superuser or not */
    }
    pg_close(owner);
    assert_string_equal(value("SELECT count(*) FROM core.audit"), "6");
    assert_int_equal(audit_verify(crm), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_organization_has_its_chain),
        cmocka_unit_test(test_the_hash_is_over_every_column),
        cmocka_unit_test(test_a_change_is_found),
        cmocka_unit_test(test_a_missing_row_is_found),
        cmocka_unit_test(test_missing_newest_rows_are_found),
        cmocka_unit_test(test_the_end_is_the_sealers),
        cmocka_unit_test(test_a_forged_hash_breaks_the_next_row),
        cmocka_unit_test(test_two_rows_cannot_change_places),
        cmocka_unit_test(test_it_is_append_only),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
