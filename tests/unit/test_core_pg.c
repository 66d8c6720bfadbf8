#include "services/core/pg.h"

#include <stdio.h>

#include "common/clock.h"
#include "tests/unit/database.h"

static struct arena *arena;
static struct pg *pg;

static const char schema[] =
    "DO $$ BEGIN CREATE ROLE unit_service NOLOGIN NOBYPASSRLS;"
    " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;"
    "CREATE TABLE things (id bigint PRIMARY KEY, organization_id bigint NOT NULL,"
    " name text CONSTRAINT things_name_key UNIQUE,"
    " size integer CONSTRAINT things_size_check CHECK (size > 0), rank integer NOT NULL DEFAULT 0,"
    " parent bigint CONSTRAINT things_parent_fkey REFERENCES things"
    " DEFERRABLE INITIALLY IMMEDIATE);"
    "ALTER TABLE things ENABLE ROW LEVEL SECURITY; ALTER TABLE things FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY tenant ON things USING"
    " (organization_id = nullif(current_setting('bureau.org', true), '')::bigint);"
    "GRANT ALL ON things TO unit_service;"
    "INSERT INTO things (id, organization_id, name) VALUES (1, 10, 'ten'), (2, 20, 'twenty');";

static int open_all(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    if (!database_open())
        return 0;
    (void)database_ask(database_url, schema);
    pg = pg_open_as(database_url, "unit-test", "unit_service");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    arena_destroy(arena);
    pg_close(pg);
    return 0;
}

static struct sql *sql_of(const char *text)
{
    struct sql *sql = arena_alloc(arena, sizeof *sql);
    sql_init(sql, arena);
    sql_puts(sql, text);
    return sql;
}

static struct pg_item item_of(const char *text, int64_t organization)
{
    return (struct pg_item){.sql = sql_of(text), .organization_id = organization, .user_id = 7};
}

/* Runs in the open transaction. */
static enum err run(const char *text, struct pg_fault *fault)
{
    struct pg_result *rows;
    return pg_run(pg, arena, sql_of(text), &rows, fault);
}

static enum err run_ok(const char *text)
{
    struct pg_fault fault;
    return run(text, &fault);
}

static void cut_connections(void)
{
    (void)database_ask(database_url, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                     " WHERE application_name = 'unit-test'");
}

static void test_an_error_in_the_middle_harms_no_neighbour(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_item items[] = {item_of("SELECT 1", 10), item_of("SELECT 1 / 0", 10),
                              item_of("SELECT 3", 10), item_of("SELECT nothing", 10),
                              item_of("SELECT 5", 10)};
    pg_run_reads(pg, arena, items, COUNT_OF(items), 5000);
    assert_int_equal(pg_int(items[0].result, 0, 0), 1);
    assert_int_equal(items[1].err, ERR_INVALID);
    assert_string_equal(items[1].fault.sqlstate, "22012");
    assert_int_equal(pg_int(items[2].result, 0, 0), 3);
    assert_int_equal(items[3].err, ERR_INTERNAL);
    assert_int_equal(pg_int(items[4].result, 0, 0), 5);
}

static void test_each_item_sees_the_rows_of_its_organization_only(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_item items[] = {
        item_of("SELECT name FROM things", 10), item_of("SELECT name FROM things", 20),
        item_of("SELECT name FROM things", 20), item_of("SELECT count(*) FROM things", 0),
        item_of("SELECT name FROM things", 10)};
    pg_run_reads(pg, arena, items, COUNT_OF(items), 5000);
    assert_string_equal(pg_text(items[0].result, 0, 0), "ten");
    assert_string_equal(pg_text(items[1].result, 0, 0), "twenty");
    assert_string_equal(pg_text(items[2].result, 0, 0), "twenty");
    assert_int_equal(pg_rows(items[2].result), 1);
    assert_int_equal(pg_int(items[3].result, 0, 0), 0);
    assert_string_equal(pg_text(items[4].result, 0, 0), "ten");
}

static void test_more_statements_than_are_kept_all_run(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    for (int round = 0; round < 2; round++) {
        struct pg_item items[600];
        for (int i = 0; i < 600; i++)
            items[i] = item_of(arena_printf(arena, "SELECT %d", i), 10);
        pg_run_reads(pg, arena, items, COUNT_OF(items), 5000);
        for (int i = 0; i < 600; i++)
            assert_int_equal(pg_int(items[i].result, 0, 0), i);
    }
    struct pg_item kept = item_of("SELECT count(*) FROM pg_prepared_statements", 10);
    pg_run_reads(pg, arena, &kept, 1, 5000);
    assert_in_range(pg_int(kept.result, 0, 0), 1, 256);
}

static void test_a_cut_connection_is_replaced_unseen(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    for (int i = 0; i < 3; i++) {
        struct pg_item items[] = {item_of("SELECT name FROM things", 10),
                                  item_of("SELECT name FROM things", 20)};
        cut_connections();
        pg_run_reads(pg, arena, items, COUNT_OF(items), 5000);
        assert_string_equal(pg_text(items[1].result, 0, 0), "twenty");
        cut_connections();
        assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
        assert_int_equal(run_ok("SELECT name FROM things"), ERR_OK);
        pg_rollback(pg);
    }
}

static void test_a_transaction_cut_in_the_middle_does_not_go_on(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_fault fault;
    assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
    assert_int_equal(run_ok("INSERT INTO things VALUES (50, 10, 'lost')"), ERR_OK);
    cut_connections();
    assert_int_equal(run("INSERT INTO things VALUES (51, 10, 'lost too')", &fault),
                     ERR_UNAVAILABLE);
    assert_int_equal(run_ok("INSERT INTO things VALUES (52, 10, 'lost as well')"), ERR_UNAVAILABLE);
    assert_int_equal(pg_commit(pg, &fault), ERR_UNAVAILABLE);
    assert_string_equal(database_ask(database_url, "SELECT count(*) FROM things WHERE id >= 50"),
                        "0");
    assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
    assert_int_equal(run_ok("SELECT 1"), ERR_OK);
    assert_int_equal(pg_commit(pg, &fault), ERR_OK);
}

static void test_a_commit_of_a_failed_transaction_is_an_error(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_fault fault;
    assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
    assert_int_equal(run_ok("INSERT INTO things VALUES (60, 10, 'undone')"), ERR_OK);
    assert_int_equal(run_ok("SELECT 1 / 0"), ERR_INVALID);
    assert_int_equal(pg_commit(pg, &fault), ERR_INTERNAL);
    assert_string_equal(database_ask(database_url, "SELECT count(*) FROM things WHERE id = 60"),
                        "0");
}

static void test_a_savepoint_undoes_what_came_behind_it(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_fault fault;
    assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
    pg_savepoint(pg);
    assert_int_equal(run_ok("INSERT INTO things VALUES (70, 10, 'kept')"), ERR_OK);
    pg_savepoint(pg);
    pg_become(pg, &(struct pg_who){20, 8, NULL, NULL, 5000});
    assert_int_equal(run_ok("INSERT INTO things VALUES (71, 20, 'undone')"), ERR_OK);
    assert_int_equal(run_ok("SELECT 1 / 0"), ERR_INVALID);
    assert_true(pg_rollback_to(pg));
    pg_savepoint(pg);
    assert_int_equal(run_ok("INSERT INTO things VALUES (72, 20, 'kept too')"), ERR_OK);
    assert_int_equal(pg_commit(pg, &fault), ERR_OK);
    assert_string_equal(database_ask(database_url,
                                     "SELECT string_agg(id::text, ',' ORDER BY id) FROM things"
                                     " WHERE id BETWEEN 70 AND 79"),
                        "70,72");
}

static void test_errors_mean_what_the_header_says(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const struct {
        const char *sql;
        enum err err;
        const char *constraint, *column;
    } cases[] = {
        {"INSERT INTO things VALUES (80, 10, 'ten')", ERR_CONFLICT, "things_name_key", ""},
        {"INSERT INTO things VALUES (81, 10, 'a', 0)", ERR_INVALID, "things_size_check", ""},
        {"INSERT INTO things VALUES (82, 10, 'b', 1, NULL)", ERR_INVALID, "", "rank"},
        {"INSERT INTO things VALUES (83, 10, 'c', 1, 1, 99)", ERR_INVALID, "things_parent_fkey",
         ""},
        {"SELECT 'x'::bigint", ERR_INVALID, "", ""},
        {"INSERT INTO things VALUES (84, 20, 'foreign')", ERR_INTERNAL, "", ""},
        {"DO $$ BEGIN RAISE 'short' USING DETAIL = 'CONFLICT'; END $$", ERR_CONFLICT, "", ""},
        {"DO $$ BEGIN RAISE 'odd'; END $$", ERR_INTERNAL, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pg_fault fault;
        assert_int_equal(pg_begin(pg, 10, 7, 5000), ERR_OK);
        assert_int_equal(run(cases[i].sql, &fault), cases[i].err);
        assert_string_equal(fault.constraint, cases[i].constraint);
        assert_string_equal(fault.column, cases[i].column);
        pg_rollback(pg);
    }
}

static void test_a_slow_statement_ends_in_time(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct pg_item items[] = {item_of("SELECT pg_sleep(30)", 10), item_of("SELECT 2", 10)};
    int64_t start = clock_mono_us();
    /* Each statement has this long: a machine that pauses must not make the second one slow. */
    pg_run_reads(pg, arena, items, COUNT_OF(items), 2000);
    assert_int_equal(items[0].err, ERR_TIMEOUT);
    assert_int_equal(items[1].err, ERR_OK);
    assert_true(clock_mono_us() - start < 15000000);
}

static void test_without_postgresql_answers_come_at_once_after_a_while(void **state)
{
    (void)state;
    struct pg *nowhere = pg_open("host=/nonexistent", "unit-test-nowhere");
    int64_t start = clock_mono_us();
    for (int i = 0; i < 100; i++) {
        struct pg_item item = item_of("SELECT 1", 10);
        pg_run_reads(nowhere, arena, &item, 1, 5000);
        assert_int_equal(item.err, ERR_UNAVAILABLE);
        assert_int_equal(pg_begin(nowhere, 1, 1, 5000), ERR_UNAVAILABLE);
    }
    int64_t spent_ms = (clock_mono_us() - start) / 1000;
    assert_in_range(spent_ms, PG_SWITCH_MS - 1500, PG_SWITCH_MS + 4000);
    pg_close(nowhere);
}

static void test_a_role_that_sees_everything_is_refused(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    const char *super = arena_strdup(arena, database_ask(database_url, "SELECT current_user"));
    struct pg *wrong = pg_open_as(database_url, "unit-test-super", super);
    assert_false(pg_connected(wrong));
    pg_close(wrong);
}

static void test_notifications_come_also_after_a_cut(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(run_ok("LISTEN unit_channel"), ERR_OK);
    (void)database_ask(database_url, "NOTIFY unit_channel");
    assert_true(pg_wait_notify(pg, 2000));
    assert_false(pg_wait_notify(pg, 50));
    cut_connections();
    assert_false(pg_wait_notify(pg, 600));
    (void)database_ask(database_url, "NOTIFY unit_channel");
    assert_true(pg_wait_notify(pg, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_in_the_middle_harms_no_neighbour),
        cmocka_unit_test(test_each_item_sees_the_rows_of_its_organization_only),
        cmocka_unit_test(test_more_statements_than_are_kept_all_run),
        cmocka_unit_test(test_a_cut_connection_is_replaced_unseen),
        cmocka_unit_test(test_a_transaction_cut_in_the_middle_does_not_go_on),
        cmocka_unit_test(test_a_commit_of_a_failed_transaction_is_an_error),
        cmocka_unit_test(test_a_savepoint_undoes_what_came_behind_it),
        cmocka_unit_test(test_errors_mean_what_the_header_says),
        cmocka_unit_test(test_a_slow_statement_ends_in_time),
        cmocka_unit_test(test_without_postgresql_answers_come_at_once_after_a_while),
        cmocka_unit_test(test_a_role_that_sees_everything_is_refused),
        cmocka_unit_test(test_notifications_come_also_after_a_cut),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
