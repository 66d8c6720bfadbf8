/* scrape.h - the numbers of the services, for the gateway's /metrics. */
#ifndef GATEWAY_SCRAPE_H
#define GATEWAY_SCRAPE_H

#include "gateway/exchange.h"

enum { SCRAPE_MS = 500 /* one address may take */, SCRAPE_ALL_MS = 5000 };

/* Asks every service at each of its addresses and appends their Prometheus text, each sample with
   the labels service and instance (the address): all samples of a family stand together. What does
   not answer is left out. */
void scrape_services(struct exchange *x, struct buf *out);
/* The same of texts at hand, for scrape_services and its test. labels[i], as
   service="crm", are what the samples of texts[i] get. */
void scrape_merge(struct buf *out, const struct slice *texts, const char *const *labels, size_t n);

#endif
