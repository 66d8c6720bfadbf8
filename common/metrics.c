#include "common/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 4096, SLOTS = 2 * SERIES_MAX, BUCKETS = 14 };
enum kind { COUNTER, GAUGE, HISTOGRAM };

static const int64_t bounds_us[BUCKETS] = {500,     1000,    2000,    5000,    10000,
                                           20000,   50000,   100000,  200000,  500000,
                                           1000000, 2000000, 5000000, 10000000};

struct series {
    const char *name, *help;
    char *labels;
    enum kind kind;
    _Atomic int64_t value; /* histogram: sum in microseconds */
    _Atomic int64_t count;
    _Atomic int64_t bucket[BUCKETS];
};

static _Atomic(struct series *) slots[SLOTS];
static struct series *in_order[SERIES_MAX];
static size_t series_n;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t slot_of(const char *name, const char *labels)
{
    uint64_t hash = 1469598103934665603U;
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    for (const char *c = labels; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    return (size_t)(hash % SLOTS);
}

static struct series *add(size_t slot, const char *name, const char *help, const char *labels,
                          enum kind kind)
{
    if (series_n == SERIES_MAX)
        return NULL; /* bounded: a new label set is dropped rather than growing for ever */
    struct series *series = calloc(1, sizeof *series);
    char *copy = strdup(labels);
    if (series == NULL || copy == NULL) {
        free(series);
        free(copy);
        return NULL;
    }
    *series = (struct series){.name = name, .help = help, .labels = copy, .kind = kind};
    in_order[series_n++] = series;
    atomic_store_explicit(&slots[slot], series, memory_order_release);
    return series;
}

static struct series *find(const char *name, const char *help, const char *labels, enum kind kind)
{
    bool locked = false;
    struct series *found = NULL;
    for (size_t i = slot_of(name, labels);; i = (i + 1) % SLOTS) {
        struct series *here = atomic_load_explicit(&slots[i], memory_order_acquire);
        if (here != NULL && strcmp(here->name, name) == 0 && strcmp(here->labels, labels) == 0) {
            found = here;
            break;
        }
        if (here == NULL && locked) {
            found = add(i, name, help, labels, kind);
            break;
        }
        if (here == NULL) { /* look once more under the lock: another thread may have added it */
            pthread_mutex_lock(&lock);
            locked = true;
            i = (i + SLOTS - 1) % SLOTS;
        }
    }
    if (locked)
        pthread_mutex_unlock(&lock);
    return found;
}

void metrics_count(const char *name, const char *help, const char *labels, int64_t delta)
{
    struct series *series = find(name, help, labels, COUNTER);
    if (series != NULL)
        atomic_fetch_add_explicit(&series->value, delta, memory_order_relaxed);
}

void metrics_gauge(const char *name, const char *help, const char *labels, int64_t value)
{
    struct series *series = find(name, help, labels, GAUGE);
    if (series != NULL)
        atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void metrics_observe_us(const char *name, const char *help, const char *labels, int64_t us)
{
    struct series *series = find(name, help, labels, HISTOGRAM);
    if (series == NULL)
        return;
    atomic_fetch_add_explicit(&series->value, us, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->count, 1, memory_order_relaxed);
    for (size_t i = 0; i < BUCKETS; i++)
        if (us <= bounds_us[i]) {
            atomic_fetch_add_explicit(&series->bucket[i], 1, memory_order_relaxed);
            break;
        }
}

static void print_seconds(struct buf *out, int64_t us)
{
    buf_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void print_histogram(struct buf *out, struct series *s)
{
    const char *comma = *s->labels == '\0' ? "" : ",";
    int64_t sum = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        sum += atomic_load(&s->bucket[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"", s->name, s->labels, comma);
        print_seconds(out, bounds_us[i]);
        buf_printf(out, "\"} %" PRId64 "\n", sum);
    }
    int64_t count = atomic_load(&s->count);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", s->name, s->labels, comma, count);
    buf_printf(out, "%s_sum{%s} ", s->name, s->labels);
    print_seconds(out, atomic_load(&s->value));
    buf_printf(out, "\n%s_count{%s} %" PRId64 "\n", s->name, s->labels, count);
}

static void print_one(struct buf *out, struct series *s)
{
    if (s->kind == HISTOGRAM)
        print_histogram(out, s);
    else
        buf_printf(out, "%s{%s} %" PRId64 "\n", s->name, s->labels, atomic_load(&s->value));
}

void metrics_print(struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    pthread_mutex_lock(&lock);
    size_t n = series_n;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < n; i++) {
        struct series *first = in_order[i];
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = strcmp(in_order[j]->name, first->name) == 0;
        if (seen)
            continue;
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", first->name, first->help, first->name,
                   kinds[first->kind]);
        for (size_t j = i; j < n; j++)
            if (strcmp(in_order[j]->name, first->name) == 0)
                print_one(out, in_order[j]);
    }
}
