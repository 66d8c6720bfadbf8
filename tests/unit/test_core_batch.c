#include "services/core/worker.h"

#include "tests/unit/service.h"

static void test_each_request_runs_as_its_caller(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    for (size_t i = 0; i < 3; i++)
        add(&main_asker, "who", 0)->who.organization_id = 10 + (int64_t)i;
    ask(&main_asker);
    assert_string_equal(text_of(&main_asker, reply_at(&main_asker, 0)),
                        "[10, 7, \"Asia/Tokyo\", \"Europe/Paris\"]");
    assert_string_equal(text_of(&main_asker, reply_at(&main_asker, 2)),
                        "[12, 7, \"Asia/Tokyo\", \"Europe/Paris\"]");
}

static void test_one_bad_write_among_ten_spoils_no_other(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const struct {
        const char *op;
        int64_t row;
        enum err err;
    } bad[] = {{"put_and_refuse", 104, ERR_CONFLICT},
               {"put_and_break", 204, ERR_INTERNAL},
               {"put", 300, ERR_CONFLICT}};
    for (size_t b = 0; b < COUNT_OF(bad); b++) {
        int base = (int)(b + 1) * 100;
        for (int i = 0; i < 10; i++)
            add(&main_asker, i == 4 ? bad[b].op : "put", i == 4 ? bad[b].row : base + i);
        ask(&main_asker);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(reply_at(&main_asker, i)->err, i == 4 ? bad[b].err : ERR_OK);
        assert_int_equal(count_between(base, base + 9), 9);
    }
}

static void test_a_write_that_answers_an_error_leaves_nothing(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    add(&main_asker, "put_and_refuse", 400);
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 0)->err, ERR_CONFLICT);
    assert_string_equal(reply_at(&main_asker, 0)->message, "refused");
    assert_int_equal(count_between(400, 400), 0);
}

static void test_an_op_that_is_no_write_may_keep_what_it_wrote(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    add(&main_asker, "note_and_refuse", 410);
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 0)->err, ERR_UNAUTHENTICATED);
    assert_int_equal(count_between(410, 410), 1);
}

static void test_an_op_cannot_lend_its_organization_to_the_next(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    add(&main_asker, "change_organization", 0);
    add(&main_asker, "put", 420);
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 1)->err, ERR_OK);
    assert_string_equal(
        database_ask(database_url, "SELECT organization_id FROM public.things WHERE id = 420"),
        "10");
}

static void test_a_dry_run_answers_and_changes_nothing(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const struct pair dry = {"dry_run", "1"};
    const int64_t rows[] = {430, 420};
    const enum err errs[] = {ERR_OK, ERR_CONFLICT};
    for (size_t i = 0; i < 2; i++) {
        struct request *r = add(&main_asker, "put", rows[i]);
        r->query = &dry;
        r->query_n = 1;
        r->headers[HEADER_IDEMPOTENCY_KEY] = "dry";
        ask(&main_asker);
        assert_int_equal(reply_at(&main_asker, 0)->err, errs[i]);
        assert_string_equal(header(reply_at(&main_asker, 0), "Dry-Run"), "true");
    }
    assert_int_equal(count_between(430, 430), 0);
}

static void test_a_late_request_and_an_unknown_op_are_answered(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    add(&main_asker, "put", 440)->left_ms = 0;
    add(&main_asker, "no_such_op", 0);
    add(&main_asker, "ping", 0);
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 0)->err, ERR_TIMEOUT);
    assert_int_equal(reply_at(&main_asker, 1)->err, ERR_NO_ROUTE);
    assert_int_equal(reply_at(&main_asker, 2)->err, ERR_OK);
    assert_non_null(strstr(text_of(&main_asker, reply_at(&main_asker, 2)), "\"ready\":true"));
    assert_int_equal(count_between(440, 440), 0);
}

static void *touch_in_thread(void *argument)
{
    struct asker *asker = argument;
    ask(asker);
    return NULL;
}

static void test_a_deadlock_is_resolved_and_each_write_happens_once(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static struct asker askers[2];
    pthread_t threads[2];
    (void)database_ask(database_url, "INSERT INTO public.things VALUES (1, 10, 0), (2, 10, 0)");
    for (size_t i = 0; i < 2; i++) {
        open_asker(&askers[i]);
        add(&askers[i], "touch_two", (int64_t)i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, touch_in_thread, &askers[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(reply_at(&askers[i], 0)->err, ERR_OK);
        close_asker(&askers[i]);
    }
    assert_string_equal(database_ask(database_url,
                                     "SELECT string_agg(made_by::text, ',') FROM public.things"
                                     " WHERE id IN (1, 2)"),
                        "2,2");
}

static void test_without_postgresql_everything_is_unavailable_at_once(void **state)
{
    (void)state;
    struct asker lost = {.worker = {.service = &service,
                                    .arena = arena_new(1 << 16),
                                    .pg = pg_open("host=/nonexistent", "unit-batch-lost")}};
    add(&lost, "who", 0);
    add(&lost, "put", 600);
    add(&lost, "put", 601);
    add(&lost, "put", 602)->headers[HEADER_IDEMPOTENCY_KEY] = "key-8";
    add(&lost, "ping", 0);
    ask(&lost);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(reply_at(&lost, i)->err, ERR_UNAVAILABLE);
        assert_true(reply_at(&lost, i)->retry_after_s > 0);
    }
    close_asker(&lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_request_runs_as_its_caller),
        cmocka_unit_test(test_one_bad_write_among_ten_spoils_no_other),
        cmocka_unit_test(test_a_write_that_answers_an_error_leaves_nothing),
        cmocka_unit_test(test_an_op_that_is_no_write_may_keep_what_it_wrote),
        cmocka_unit_test(test_an_op_cannot_lend_its_organization_to_the_next),
        cmocka_unit_test(test_a_dry_run_answers_and_changes_nothing),
        cmocka_unit_test(test_a_late_request_and_an_unknown_op_are_answered),
        cmocka_unit_test(test_a_deadlock_is_resolved_and_each_write_happens_once),
        cmocka_unit_test(test_without_postgresql_everything_is_unavailable_at_once),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
