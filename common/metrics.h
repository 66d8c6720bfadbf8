/*
 * metrics.h - counters, gauges and latency histograms as Prometheus text. Thread-safe (atomics); a
 * series is made at its first use and never removed. Label sets are bounded by the code that makes
 * them (route patterns, never paths). name and help must live until the process ends.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/*
 * The hot path: ask once for the series, keep the handle, then each use is one or two relaxed
 * atomic operations. labels: `route="/api/clients",status="200"` or "". NULL when 4096 series
 * exist; every call below takes NULL and does nothing.
 */
struct metric;
struct metric *metrics_series(enum metric_kind kind, const char *name, const char *help,
                              const char *labels);
void metric_add(struct metric *metric, int64_t add); /* counter, or gauge up and down */
void metric_set(struct metric *metric, int64_t value);
/* Seconds histogram with fixed buckets from 0.5 ms to 10 s. */
void metric_observe_us(struct metric *metric, int64_t us);

/* The same with a look-up by name and labels each time: for what happens rarely. */
void metrics_count(const char *name, const char *help, const char *labels, int64_t add);
void metrics_gauge(const char *name, const char *help, const char *labels, int64_t value);
void metrics_observe_us(const char *name, const char *help, const char *labels, int64_t us);

void metrics_print(struct buf *out);

#endif
