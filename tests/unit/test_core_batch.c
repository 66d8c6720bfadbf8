#include "services/core/worker.h"

#include <pthread.h>
#include <stdio.h>

#include "common/crypto.h"
#include "services/core/idempotency.h"
#include "services/core/migrate.h"
#include "tests/unit/database.h"

enum { BATCH_MAX = 16 };

/* ---- a service of a few ops over one table ---- */

static struct sql *begin_sql(struct call *call, const char *text)
{
    struct sql *sql = arena_alloc(call->arena, sizeof *sql);
    sql_init(sql, call->arena);
    sql_puts(sql, text);
    return sql;
}

static enum err put(struct call *call)
{
    struct pg_result *rows;
    struct sql *sql = begin_sql(call, "INSERT INTO public.things (id, organization_id, made_by)"
                                      " VALUES ($1::bigint, core.org(), core.usr())"
                                      " RETURNING json_build_object('id', id, 'at', now())");
    (void)sql_bind_int(sql, call->request->row);
    enum err err = call_run(call, sql, &rows);
    if (err != ERR_OK)
        return err;
    call->reply->json = (struct slice){pg_text(rows, 0, 0), pg_len(rows, 0, 0)};
    return ERR_OK;
}

static enum err put_and_refuse(struct call *call)
{
    enum err err = put(call);
    return err == ERR_OK ? call_fail(call, ERR_CONFLICT, "refused") : err;
}

static enum err put_and_break(struct call *call)
{
    enum err err = put(call);
    return err == ERR_OK ? call_fail(call, ERR_INTERNAL, NULL) : err;
}

static enum err put_slowly(struct call *call)
{
    struct pg_result *rows;
    enum err err = call_run(call, begin_sql(call, "SELECT pg_sleep(0.4)"), &rows);
    return err == ERR_OK ? put(call) : err;
}

/* Row 1 then 2, or 2 then 1: two of them lock each other out. */
static enum err touch_two(struct call *call)
{
    enum err err = ERR_OK;
    for (int64_t i = 0; err == ERR_OK && i < 2; i++) {
        struct pg_result *rows;
        struct sql *sql = begin_sql(call, "UPDATE public.things SET made_by = made_by + 1"
                                          " WHERE id = $1::bigint RETURNING pg_sleep(0.3)");
        (void)sql_bind_int(sql, call->request->row == 1 ? 1 + i : 2 - i);
        err = call_run(call, sql, &rows);
    }
    return err;
}

/* Works for another organization from here on, as registering does. */
static enum err change_organization(struct call *call)
{
    return call_json(call, begin_sql(call, "SELECT to_json(set_config('bureau.org', '20', true))"));
}

static enum err who(struct call *call)
{
    return call_json(call, begin_sql(call, "SELECT json_build_array(core.org(), core.usr(),"
                                           " core.org_zone(), core.user_zone())"));
}

/* No write: keeps what it wrote though it answers an error. */
static enum err note_and_refuse(struct call *call)
{
    enum err err = who(call);
    if (err == ERR_OK)
        err = call_transaction(call, put);
    return err == ERR_OK ? call_fail(call, ERR_UNAUTHENTICATED, NULL) : err;
}

static const struct op ops[] = {
    {"put", "", put, true},
    {"put_and_refuse", "", put_and_refuse, true},
    {"put_and_break", "", put_and_break, true},
    {"put_slowly", "", put_slowly, true},
    {"touch_two", "", touch_two, true},
    {"change_organization", "", change_organization, true},
    {"who", "", who, false},
    {"note_and_refuse", "", note_and_refuse, false},
    {0},
};
static const struct service service = {.name = "crm", .ops = ops};

/* ---- asking it ---- */

struct asker {
    struct worker worker;
    struct request requests[BATCH_MAX];
    size_t n;
    struct reply *replies;
};
static struct asker main_asker;

static void open_asker(struct asker *asker)
{
    asker->worker = (struct worker){.service = &service,
                                    .arena = arena_new(1 << 16),
                                    .pg = pg_open_as(database_url, "unit-batch", "bureau_crm")};
}

static void close_asker(struct asker *asker)
{
    pg_close(asker->worker.pg);
    arena_destroy(asker->worker.arena);
}

static int open_all(void **state)
{
    (void)state;
    if (!crypto_open())
        return -1;
    idempotency_open("a key for unit tests only");
    if (!database_open())
        return 0;
    if (migrate_run(database_url, UNIT_SQL_DIR) != ERR_OK || !ping_open(UNIT_SQL_DIR))
        return -1;
    (void)database_ask(database_url,
                       "CREATE TABLE public.things (id bigint PRIMARY KEY,"
                       " organization_id bigint NOT NULL, made_by bigint);"
                       "ALTER TABLE public.things ENABLE ROW LEVEL SECURITY;"
                       "CREATE POLICY tenant ON public.things USING"
                       " (organization_id = core.org()); GRANT ALL ON public.things TO bureau_crm");
    open_asker(&main_asker);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    if (main_asker.worker.pg != NULL)
        close_asker(&main_asker);
    return 0;
}

static struct request *add(struct asker *asker, const char *op, int64_t row)
{
    struct request *r = &asker->requests[asker->n];
    *r = (struct request){.index = (uint32_t)asker->n++,
                          .id = "unit",
                          .trace = "",
                          .op = op,
                          .resource = "",
                          .row = row,
                          .who = {.user_id = 7,
                                  .organization_id = 10,
                                  .role = ROLE_OWNER,
                                  .abilities = "*",
                                  .zone = "Europe/Paris",
                                  .org_zone = "Asia/Tokyo",
                                  .language = "EN"},
                          .left_ms = 5000,
                          .address = "192.0.2.1",
                          .path = "/api/things"};
    return r;
}

static void ask(struct asker *asker)
{
    struct buf message, answer;
    size_t n;
    buf_init(&message, asker->worker.arena);
    buf_init(&answer, asker->worker.arena);
    mp_put_array(&message, (uint32_t)asker->n);
    for (size_t i = 0; i < asker->n; i++)
        request_write(&message, &asker->requests[i]);
    batch_answer(&asker->worker, (struct slice){message.data, message.len}, &answer);
    assert_int_equal(replies_read(asker->worker.arena, (struct slice){answer.data, answer.len},
                                  &asker->replies, &n),
                     ERR_OK);
    assert_int_equal(n, asker->n);
    asker->n = 0;
}

static const struct reply *reply_at(const struct asker *asker, size_t index)
{
    return &asker->replies[index];
}

static const char *header(const struct reply *reply, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(reply->headers) && reply->headers[i].name != NULL; i++)
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return "";
}

static const char *text_of(struct asker *asker, const struct reply *reply)
{
    return arena_strndup(asker->worker.arena, reply->json.data, reply->json.len);
}

/* One request that carries a key. */
static const struct reply *ask_keyed(struct asker *asker, const char *op, int64_t row,
                                     const char *key)
{
    add(asker, op, row)->headers[HEADER_IDEMPOTENCY_KEY] = key;
    ask(asker);
    return reply_at(asker, 0);
}

static int count_between(int low, int high)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM public.things WHERE id BETWEEN %d AND %d", low,
             high);
    return atoi(database_ask(database_url, sql));
}

/* ---- claims ---- */

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

static void test_a_key_gives_one_effect_and_the_same_answer(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    const struct reply *first = ask_keyed(&main_asker, "put", 500, "key-1");
    const char *said = text_of(&main_asker, first);
    assert_int_equal(first->err, ERR_OK);
    assert_string_equal(header(first, "Idempotency-Replayed"), "");
    const struct reply *again = ask_keyed(&main_asker, "put", 500, "key-1");
    assert_int_equal(again->err, ERR_OK);
    assert_string_equal(header(again, "Idempotency-Replayed"), "true");
    assert_string_equal(text_of(&main_asker, again), said);
    assert_int_equal(count_between(500, 500), 1);
}

static void test_a_kept_error_is_given_again(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put_and_refuse", 510, "key-2")->err, ERR_CONFLICT);
    const struct reply *again = ask_keyed(&main_asker, "put_and_refuse", 510, "key-2");
    assert_int_equal(again->err, ERR_CONFLICT);
    assert_string_equal(again->message, "refused");
    assert_string_equal(header(again, "Idempotency-Replayed"), "true");
    assert_int_equal(count_between(510, 510), 0);
}

static void test_a_server_error_is_not_kept(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put_and_break", 520, "key-3")->err, ERR_INTERNAL);
    const struct reply *again = ask_keyed(&main_asker, "put_and_break", 520, "key-3");
    assert_int_equal(again->err, ERR_INTERNAL);
    assert_string_equal(header(again, "Idempotency-Replayed"), "");
}

static void test_keys_are_bound_to_request_and_caller(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put", 530, "key-4")->err, ERR_OK);
    assert_int_equal(ask_keyed(&main_asker, "put", 531, "key-4")->err, ERR_INVALID);
    struct request *other = add(&main_asker, "put", 532);
    other->who.user_id = 8;
    other->headers[HEADER_IDEMPOTENCY_KEY] = "key-4";
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 0)->err, ERR_OK);
    assert_int_equal(count_between(530, 539), 2);
}

static void test_unfit_keys_are_refused(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    char longest[257];
    memset(longest, 'k', 256);
    longest[256] = '\0';
    assert_int_equal(ask_keyed(&main_asker, "put", 540, longest)->err, ERR_INVALID);
    assert_int_equal(ask_keyed(&main_asker, "put", 541, "a b")->err, ERR_INVALID);
    assert_int_equal(ask_keyed(&main_asker, "put", 542, "\xc3\xa9")->err, ERR_INVALID);
    assert_int_equal(ask_keyed(&main_asker, "put", 543, longest + 1)->err, ERR_OK);
    assert_int_equal(count_between(540, 549), 1);
}

static void test_a_key_is_forgotten_after_a_day(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put", 550, "key-5")->err, ERR_OK);
    (void)database_ask(database_url, "UPDATE core.idempotency SET created_at = now() -"
                                     " interval '25 hours' WHERE key = 'key-5'");
    assert_int_equal(ask_keyed(&main_asker, "put", 551, "key-5")->err, ERR_OK);
    assert_string_equal(header(ask_keyed(&main_asker, "put", 551, "key-5"), "Idempotency-Replayed"),
                        "true");
}

static void *ask_in_thread(void *argument)
{
    struct asker *asker = argument;
    (void)ask_keyed(asker, "put_slowly", 560, "key-6");
    return NULL;
}

static void test_two_at_once_with_one_key_have_one_effect(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static struct asker askers[4];
    pthread_t threads[4];
    size_t done = 0, busy = 0;
    for (size_t i = 0; i < 4; i++) {
        open_asker(&askers[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, &askers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        const struct reply *reply = reply_at(&askers[i], 0);
        bool first = reply->err == ERR_OK && header(reply, "Idempotency-Replayed")[0] == '\0';
        done += first ? 1 : 0;
        busy += reply->err == ERR_BUSY && reply->retry_after_s > 0 ? 1 : 0;
        close_asker(&askers[i]);
    }
    assert_int_equal(done, 1);
    assert_int_equal(busy, 3);
    assert_int_equal(count_between(560, 560), 1);
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

/* No secret that an answer held can be read from the table. */
static void test_kept_answers_are_sealed(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put_and_refuse", 570, "key-7")->err, ERR_CONFLICT);
    assert_string_equal(database_ask(database_url, "SELECT count(*) FROM core.idempotency"
                                                   " WHERE answer LIKE '%refused%'"),
                        "0");
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
        cmocka_unit_test(test_a_key_gives_one_effect_and_the_same_answer),
        cmocka_unit_test(test_a_kept_error_is_given_again),
        cmocka_unit_test(test_a_server_error_is_not_kept),
        cmocka_unit_test(test_keys_are_bound_to_request_and_caller),
        cmocka_unit_test(test_unfit_keys_are_refused),
        cmocka_unit_test(test_a_key_is_forgotten_after_a_day),
        cmocka_unit_test(test_two_at_once_with_one_key_have_one_effect),
        cmocka_unit_test(test_a_deadlock_is_resolved_and_each_write_happens_once),
        cmocka_unit_test(test_kept_answers_are_sealed),
        cmocka_unit_test(test_without_postgresql_everything_is_unavailable_at_once),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
