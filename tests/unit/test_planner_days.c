/* Local days of worked time against the C library's own zone data, second by second where it
   matters: random blocks around every clock change of zones with odd ones. */
#include "common/base.h"
#include "tests/unit/database.h"

#include <string.h>
#include <time.h>

static const char *const zones[] = {"Europe/Amsterdam",
                                    "America/New_York",
                                    "America/Havana",
                                    "Atlantic/Azores",
                                    "Africa/Cairo",
                                    "Asia/Beirut",
                                    "America/Santiago",
                                    "Australia/Lord_Howe",
                                    "Asia/Kathmandu",
                                    "Pacific/Apia",
                                    "UTC"};

static void use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

/* 20240108 */
static int day_of(time_t at)
{
    struct tm tm;
    localtime_r(&at, &tm);
    return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

static int offset_of(time_t at)
{
    struct tm tm;
    localtime_r(&at, &tm);
    return (int)tm.tm_gmtoff;
}

/* "20240108 5400, 20240109 3600": walks the time in steps that no zone's midnight falls between. */
static void walk(time_t from, time_t to, char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (time_t at = from; at < to;) {
        int day = day_of(at);
        time_t start = at;
        while (at < to && day_of(at) == day)
            at += at % 300 != 0 || to - at < 300 ? 1 : 300;
        used += (size_t)snprintf(out + used, room - used, "%s%d %lld", used > 0 ? ", " : "", day,
                                 (long long)(at - start));
    }
}

static const char *asked(PGconn *conn, const char *zone, time_t from, time_t to)
{
    static char answer[512];
    char start[32], end[32];
    const char *values[] = {start, end, zone};
    snprintf(start, sizeof start, "%lld", (long long)from);
    snprintf(end, sizeof end, "%lld", (long long)to);
    PGresult *rows = PQexecParams(
        conn,
        "SELECT string_agg(to_char(day, 'YYYYMMDD') || ' ' || trim_scale(seconds), ', ' ORDER BY"
        " day) FROM billing.day_seconds(to_timestamp($1::bigint), to_timestamp($2::bigint),"
        " '-infinity', 'infinity', $3)",
        3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(conn));
    snprintf(answer, sizeof answer, "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return answer;
}

static void compare(PGconn *conn, const char *zone, time_t from, time_t to)
{
    char wanted[512];
    walk(from, to, wanted, sizeof wanted);
    const char *got = asked(conn, zone, from, to);
    if (strcmp(wanted, got) != 0)
        fail_msg("%s from %lld to %lld: expected %s, got %s", zone, (long long)from, (long long)to,
                 wanted, got);
}

/* The two functions alone, as the migration has them. */
static void load(PGconn *conn)
{
    static char text[65536];
    FILE *file = fopen(UNIT_SQL_DIR "/billing/005_planner.sql", "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    char *start = strstr(text, "CREATE FUNCTION billing.day_start");
    char *end = strstr(text, "-- ---- what a block may be");
    assert_non_null(start);
    assert_non_null(end);
    *end = '\0';
    PQclear(PQexec(conn, "CREATE SCHEMA billing"));
    PGresult *done = PQexec(conn, start);
    if (PQresultStatus(done) != PGRES_COMMAND_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PQclear(done);
}

static void test_days_are_exact(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    PGconn *conn = PQconnectdb(database_url);
    load(conn);
    srand(20240331);
    int changes = 0;
    for (size_t z = 0; z < COUNT_OF(zones); z++) {
        use_zone(zones[z]);
        time_t at = 1325376000, last = 1798761600; /* 2012 to 2027 */
        for (; at < last; at += 3600) {
            if (offset_of(at) == offset_of(at + 3600))
                continue;
            changes++;
            for (int i = 0; i < 3; i++) {
                time_t from = at - rand() % 100000;
                compare(conn, zones[z], from, from + 1 + rand() % 200000);
            }
            compare(conn, zones[z], at, at + 3600);
        }
        for (int i = 0; i < 20; i++) {
            time_t from = 1325376000 + (time_t)(rand() % 470000000);
            compare(conn, zones[z], from, from + 1 + rand() % 300000);
        }
    }
    assert_true(changes > 150);
    PQfinish(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_days_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
