#include "services/core/migrate.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/crypto.h"
#include "tests/unit/database.h"

static char dir[64];

static void write_sql(const char *name, const char *sql)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(sql, file);
    fclose(file);
}

static int make_dir(void **state)
{
    (void)state;
    char path[160];
    snprintf(dir, sizeof dir, "/tmp/unit-migrate-XXXXXX");
    if (!crypto_open() || mkdtemp(dir) == NULL)
        return -1;
    for (const char *const *name = (const char *const[]){"core", "crm", NULL}; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", dir, *name);
        if (mkdir(path, 0700) != 0)
            return -1;
    }
    write_sql("core/001_a.sql", "CREATE SCHEMA one; CREATE TABLE one.t (n integer);");
    write_sql("crm/002_b.sql", "INSERT INTO one.t VALUES (2);");
    write_sql("crm/001_a.sql", "INSERT INTO one.t VALUES (1);");
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *contents(void)
{
    return database_ask(database_url, "SELECT string_agg(n::text, ',' ORDER BY ctid) FROM one.t");
}

static void *migrate_in_thread(void *err)
{
    *(enum err *)err = migrate_run(database_url, dir);
    return NULL;
}

static void test_two_at_once_apply_each_file_once_and_in_order(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    pthread_t threads[4];
    enum err errs[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_in_thread, &errs[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(errs[i], ERR_OK);
    }
    assert_string_equal(contents(), "1,2");
}

static void test_a_file_that_fails_leaves_nothing(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    write_sql("crm/003_c.sql", "INSERT INTO one.t VALUES (3); SELECT 1 / 0;");
    assert_int_equal(migrate_run(database_url, dir), ERR_INVALID);
    assert_string_equal(contents(), "1,2");
    write_sql("crm/003_c.sql", "INSERT INTO one.t VALUES (3);");
    assert_int_equal(migrate_run(database_url, dir), ERR_OK);
    assert_string_equal(contents(), "1,2,3");
}

static void test_an_edited_file_is_refused_before_anything_new_runs(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    write_sql("crm/001_a.sql", "INSERT INTO one.t VALUES (10);");
    write_sql("core/002_new.sql", "INSERT INTO one.t VALUES (20);");
    assert_int_equal(migrate_run(database_url, dir), ERR_CONFLICT);
    assert_string_equal(contents(), "1,2,3");
}

static void test_no_server_and_no_files_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(migrate_run("host=/nonexistent", dir), ERR_UNAVAILABLE);
    assert_int_equal(migrate_run("host=/nonexistent", "/nonexistent"), ERR_INTERNAL);
}

/* The real schema, in an empty database that belongs to an ordinary role. */
static void test_an_owner_without_superuser_migrates_the_real_schema_twice(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    char sql[512], url[600];
    const char *server = getenv("BUREAU_TEST_DATABASE_URL");
    snprintf(sql, sizeof sql, "CREATE ROLE owner_%ld LOGIN CREATEROLE", (long)getpid());
    (void)database_ask(server, sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE owned_%ld OWNER owner_%ld", (long)getpid(),
             (long)getpid());
    (void)database_ask(server, sql);
    snprintf(url, sizeof url, "%s dbname=owned_%ld user=owner_%ld", server, (long)getpid(),
             (long)getpid());
    enum err first = migrate_run(url, UNIT_SQL_DIR), second = migrate_run(url, UNIT_SQL_DIR);
    snprintf(sql, sizeof sql, "DROP DATABASE owned_%ld WITH (FORCE)", (long)getpid());
    (void)database_ask(server, sql);
    snprintf(sql, sizeof sql,
             "DO $$ DECLARE r text; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE"
             " 'bureau\\_%%' LOOP EXECUTE format('REVOKE %%I FROM owner_%ld', r); END LOOP; END $$",
             (long)getpid());
    (void)database_ask(server, sql);
    snprintf(sql, sizeof sql, "DROP ROLE owner_%ld", (long)getpid());
    (void)database_ask(server, sql);
    assert_int_equal(first, ERR_OK);
    assert_int_equal(second, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_at_once_apply_each_file_once_and_in_order),
        cmocka_unit_test(test_a_file_that_fails_leaves_nothing),
        cmocka_unit_test(test_an_edited_file_is_refused_before_anything_new_runs),
        cmocka_unit_test(test_no_server_and_no_files_are_told_apart),
        cmocka_unit_test(test_an_owner_without_superuser_migrates_the_real_schema_twice),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
