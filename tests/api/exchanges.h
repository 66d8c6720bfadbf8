/*
 * exchanges.h - requests with their answers, kept for tests/answers.sh, which holds them against
 * the OpenAPI document.
 */
#ifndef TESTS_EXCHANGES_H
#define TESTS_EXCHANGES_H

#include "tests/api/api.h"

/* Appends one JSON line to the file that BUREAU_EXCHANGES names; does nothing without it. The line
   is one write, so that several programs may share the file. Texts that are no UTF-8 lose that. */
void exchange_keep(struct arena *arena, const char *verb, const char *target,
                   const char *body_or_null, const struct answer *answer);

#endif
