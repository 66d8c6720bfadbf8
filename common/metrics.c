#include "common/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_MAX = 4096, SLOTS = 2 * SERIES_MAX, FAMILIES_MAX = 256, BUCKETS = 14 };

static const int64_t bounds_us[BUCKETS] = {500,     1000,    2000,    5000,    10000,
                                           20000,   50000,   100000,  200000,  500000,
                                           1000000, 2000000, 5000000, 10000000};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    const char *name;
    char *labels;
    struct metric *next;                 /* of the same name, in the order they were made */
    _Atomic int64_t value;               /* histogram: sum in microseconds */
    _Atomic int64_t bucket[BUCKETS + 1]; /* the last one: above all bounds */
};

/* The series of one name, which the text format wants together. */
struct family {
    const char *name, *help;
    enum metric_kind kind;
    struct metric *first, *last;
};

static _Atomic(struct metric *) slots[SLOTS];
/* Guards families, the chains of their series, and adding to slots. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct family families[FAMILIES_MAX];
static size_t families_n, series_n;

static uint64_t hash_on(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash * 31;
}

static size_t slot_of(const char *name, const char *labels)
{
    return (size_t)(hash_on(hash_on(1469598103934665603U, name), labels) % SLOTS);
}

static struct family *family_of(enum metric_kind kind, const char *name, const char *help)
{
    for (size_t i = 0; i < families_n; i++)
        if (strcmp(families[i].name, name) == 0)
            return &families[i];
    if (families_n == FAMILIES_MAX)
        return NULL;
    families[families_n] = (struct family){.name = name, .help = help, .kind = kind};
    return &families[families_n++];
}

static struct metric *make(struct family *family, const char *labels)
{
    /* Bounded: a new label set is dropped rather than growing for ever. */
    struct metric *metric = series_n == SERIES_MAX ? NULL : calloc(1, sizeof *metric);
    char *copy = metric == NULL ? NULL : strdup(labels);
    if (copy == NULL) {
        free(metric);
        return NULL;
    }
    metric->name = family->name;
    metric->labels = copy;
    if (family->last != NULL)
        family->last->next = metric;
    else
        family->first = metric;
    family->last = metric;
    series_n++;
    return metric;
}

/* The series, or NULL and the free slot where it belongs. */
static struct metric *look_up(const char *name, const char *labels, size_t *slot)
{
    for (*slot = slot_of(name, labels);; *slot = (*slot + 1) % SLOTS) {
        struct metric *here = atomic_load_explicit(&slots[*slot], memory_order_acquire);
        if (here == NULL || (strcmp(here->name, name) == 0 && strcmp(here->labels, labels) == 0))
            return here;
    }
}

/* NULL: there are SERIES_MAX already, or the name is one of another kind. */
static struct metric *series_of(enum metric_kind kind, const char *name, const char *help,
                                const char *labels)
{
    size_t slot;
    struct metric *metric = look_up(name, labels, &slot);
    if (metric != NULL)
        return metric;
    pthread_mutex_lock(&lock);
    metric = look_up(name, labels, &slot); /* another thread may have been first */
    struct family *family = metric == NULL ? family_of(kind, name, help) : NULL;
    if (family != NULL && family->kind == kind)
        metric = make(family, labels);
    if (family != NULL && metric != NULL)
        atomic_store_explicit(&slots[slot], metric, memory_order_release);
    pthread_mutex_unlock(&lock);
    return metric;
}

void metrics_count(const char *name, const char *help, const char *labels, int64_t add)
{
    struct metric *metric = series_of(METRIC_COUNTER, name, help, labels);
    if (metric != NULL)
        atomic_fetch_add_explicit(&metric->value, add, memory_order_relaxed);
}

void metrics_gauge(const char *name, const char *help, const char *labels, int64_t value)
{
    struct metric *metric = series_of(METRIC_GAUGE, name, help, labels);
    if (metric != NULL)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metrics_observe_us(const char *name, const char *help, const char *labels, int64_t us)
{
    struct metric *metric = series_of(METRIC_HISTOGRAM, name, help, labels);
    size_t i = 0;
    if (metric == NULL)
        return;
    while (i < BUCKETS && us > bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&metric->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, us, memory_order_relaxed);
}

static void print_seconds(struct buf *out, int64_t us)
{
    buf_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

/* "name_suffix{labels} " without empty braces. */
static void print_name(struct buf *out, const struct metric *m, const char *suffix)
{
    const char *open = *m->labels == '\0' ? "" : "{", *close = *m->labels == '\0' ? "" : "}";
    buf_printf(out, "%s%s%s%s%s ", m->name, suffix, open, m->labels, close);
}

static void print_histogram(struct buf *out, struct metric *m)
{
    const char *comma = *m->labels == '\0' ? "" : ",";
    int64_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        count += atomic_load(&m->bucket[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"", m->name, m->labels, comma);
        print_seconds(out, bounds_us[i]);
        buf_printf(out, "\"} %" PRId64 "\n", count);
    }
    count += atomic_load(&m->bucket[BUCKETS]);
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", m->name, m->labels, comma, count);
    print_name(out, m, "_sum");
    print_seconds(out, atomic_load(&m->value));
    buf_putc(out, '\n');
    print_name(out, m, "_count");
    buf_printf(out, "%" PRId64 "\n", count);
}

void metrics_print(struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    pthread_mutex_lock(&lock);
    for (const struct family *f = families; f < families + families_n; f++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, kinds[f->kind]);
        for (struct metric *m = f->first; m != NULL; m = m->next) {
            if (f->kind == METRIC_HISTOGRAM) {
                print_histogram(out, m);
                continue;
            }
            print_name(out, m, "");
            buf_printf(out, "%" PRId64 "\n", atomic_load(&m->value));
        }
    }
    pthread_mutex_unlock(&lock);
}
