/*
 * metrics.h - counters, gauges and latency histograms as Prometheus text. Thread-safe: a use is a
 * look-up without a lock and one or two relaxed atomic operations. A series is made at its first
 * use and never removed; there are 4096 at most, further ones are not counted. Label sets are
 * bounded by the code that makes them (route patterns, never paths).
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/buf.h"

/* name and help must live until the process ends. labels: `route="/api/clients",status="200"`, or
   "". */
void metrics_count(const char *name, const char *help, const char *labels, int64_t add);
void metrics_gauge(const char *name, const char *help, const char *labels, int64_t value);
/* Seconds histogram with fixed buckets from 0.5 ms to 10 s. */
void metrics_observe_us(const char *name, const char *help, const char *labels, int64_t us);

void metrics_print(struct buf *out);

#endif
