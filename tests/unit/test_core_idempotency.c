#include "services/core/idempotency.h"

#include "tests/unit/service.h"

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

static void test_a_refusal_is_written_down_and_not_kept(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    assert_int_equal(ask_keyed(&main_asker, "put_even", 581, "key-8")->err, ERR_CONFLICT);
    assert_int_equal(count_between(581, 581), 1);
    (void)database_ask(database_url, "DELETE FROM public.things WHERE id = 581");
    const struct reply *again = ask_keyed(&main_asker, "put_even", 581, "key-8");
    assert_int_equal(again->err, ERR_CONFLICT);
    assert_string_equal(header(again, "Idempotency-Replayed"), "");
    assert_int_equal(count_between(581, 581), 1);
    add(&main_asker, "put_even", 583); /* without a key it is the same */
    ask(&main_asker);
    assert_int_equal(reply_at(&main_asker, 0)->err, ERR_CONFLICT);
    assert_int_equal(count_between(583, 583), 1);
}

/* The keys are those of whom admit has seen, whoever the gateway took the caller for. */
static void test_who_is_admitted_has_keys_of_her_own(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    afterwards_n = 0;
    assert_int_equal(ask_keyed(&main_asker, "put_even", 590, "key-9")->err, ERR_OK);
    assert_string_equal(
        header(ask_keyed(&main_asker, "put_even", 590, "key-9"), "Idempotency-Replayed"), "true");
    assert_int_equal(afterwards_n, 1);
    assert_int_equal(ask_keyed(&main_asker, "put_even", 592, "key-9")->err, ERR_INVALID);
    assert_int_equal(ask_keyed(&main_asker, "put_even", 593, "key-9")->err, ERR_CONFLICT);
    assert_string_equal(
        database_ask(database_url, "SELECT caller FROM core.idempotency WHERE key = 'key-9'"),
        "user:9");
}

/* A hash that needs no secret would let a reader of the table guess passwords by the million. */
static void test_the_request_cannot_be_guessed_from_the_table(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)ask_keyed(&main_asker, "put", 595, "key-10");
    (void)database_ask(database_url, "UPDATE core.idempotency SET key = 'key-11'"
                                     " WHERE key = 'key-10'; DELETE FROM public.things"
                                     " WHERE id = 595");
    idempotency_open("another key for unit tests");
    (void)ask_keyed(&main_asker, "put", 595, "key-10");
    idempotency_open("a key for unit tests only");
    assert_string_equal(database_ask(database_url,
                                     "SELECT count(DISTINCT request_sha256) FROM"
                                     " core.idempotency WHERE key IN ('key-10', 'key-11')"),
                        "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_gives_one_effect_and_the_same_answer),
        cmocka_unit_test(test_a_kept_error_is_given_again),
        cmocka_unit_test(test_a_server_error_is_not_kept),
        cmocka_unit_test(test_keys_are_bound_to_request_and_caller),
        cmocka_unit_test(test_unfit_keys_are_refused),
        cmocka_unit_test(test_a_key_is_forgotten_after_a_day),
        cmocka_unit_test(test_two_at_once_with_one_key_have_one_effect),
        cmocka_unit_test(test_kept_answers_are_sealed),
        cmocka_unit_test(test_a_refusal_is_written_down_and_not_kept),
        cmocka_unit_test(test_who_is_admitted_has_keys_of_her_own),
        cmocka_unit_test(test_the_request_cannot_be_guessed_from_the_table),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
