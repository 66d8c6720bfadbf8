/* scrape.h - the numbers of the services, for the gateway's /metrics. */
#ifndef GATEWAY_SCRAPE_H
#define GATEWAY_SCRAPE_H

#include "gateway/exchange.h"

enum { SCRAPE_MS = 500 /* one service may take */ };

/* Asks every service and appends their Prometheus text, each sample with the label service: all
   samples of a family stand together. A service that does not answer is left out; one with several
   addresses is asked at one of them. */
void scrape_services(struct exchange *x, struct buf *out);
/* The same of texts at hand, for scrape_services and its test. names[i] says what texts[i] is of.
 */
void scrape_merge(struct buf *out, const struct slice *texts, const char *const *names, size_t n);

#endif
