#include "common/metrics.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/unit/test.h"

static struct arena *arena;

static const char *printed(void)
{
    struct buf out;
    buf_init(&out, arena);
    metrics_print(&out);
    return out.data;
}

static void test_series_of_a_name_stand_together(void **state)
{
    (void)state;
    metrics_count("a_total", "As.", "k=\"1\"", 2);
    metrics_gauge("b", "Bs.", "", -3);
    metrics_count("a_total", "As.", "k=\"2\"", 1);
    metrics_count("a_total", "As.", "k=\"1\"", 5);
    assert_non_null(strstr(printed(), "# HELP a_total As.\n# TYPE a_total counter\n"
                                      "a_total{k=\"1\"} 7\na_total{k=\"2\"} 1\n"
                                      "# HELP b Bs.\n# TYPE b gauge\nb -3\n"));
}

static void test_a_name_is_of_one_kind(void **state)
{
    (void)state;
    metrics_count("h_total", "H.", "x=\"y\"", 4);
    metrics_count("h_total", "H.", "x=\"y\"", 1);
    metrics_gauge("h_total", "H.", "x=\"new\"", 9);
    assert_non_null(strstr(printed(), "h_total{x=\"y\"} 5\n"));
    assert_null(strstr(printed(), "x=\"new\""));
}

static void test_buckets_are_cumulative_and_bounds_belong_to_them(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 500, 501, 10000000, 10000001};
    for (size_t i = 0; i < COUNT_OF(times); i++)
        metrics_observe_us("t_seconds", "T.", "", times[i]);
    const char *text = printed();
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"0.000500\"} 2\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"0.001000\"} 3\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"10.000000\"} 4\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text, "t_seconds_sum 20.001002\nt_seconds_count 5\n"));
}

static void *count_much(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "n=\"%d\"", i % 50);
        metrics_count("threads_total", "T.", labels, 1);
    }
    return unused;
}

static void test_threads_lose_nothing(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    const char *text = printed();
    for (int i = 0; i < 50; i++) {
        char line[64];
        snprintf(line, sizeof line, "threads_total{n=\"%d\"} 1600\n", i);
        const char *at = strstr(text, line);
        assert_non_null(at);
        assert_null(strstr(at + 1, line));
    }
}

static void test_the_number_of_series_is_bounded(void **state)
{
    (void)state;
    size_t made = 0;
    for (int i = 0; i < 5000; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "i=\"%d\"", i);
        metrics_count("many_total", "M.", labels, 1);
    }
    for (const char *at = printed(); (at = strstr(at, "many_total{")) != NULL; at++)
        made++;
    assert_true(made > 3900 && made <= 4096);
    metrics_count("a_total", "As.", "k=\"1\"", 1); /* what exists goes on */
    assert_non_null(strstr(printed(), "a_total{k=\"1\"} 8\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_of_a_name_stand_together),
        cmocka_unit_test(test_a_name_is_of_one_kind),
        cmocka_unit_test(test_buckets_are_cumulative_and_bounds_belong_to_them),
        cmocka_unit_test(test_threads_lose_nothing),
        cmocka_unit_test(test_the_number_of_series_is_bounded),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
