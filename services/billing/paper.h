/*
 * paper.h - what is printed of a bill: texts only, money as exact decimal text with two decimals
 * ("1664.25", negative of a credit note). Filled from the bill's frozen row, so that the same bill
 * gives the same paper for ever. Source: rentals.md 4.13.
 */
#ifndef BILLING_PAPER_H
#define BILLING_PAPER_H

#include "services/core/call.h"

struct paper_line {
    const char *part; /* sub-category, "---" for none */
    const char *reference, *name, *quantity;
    const char *price, *replacement, *total; /* a day, without taxes; replacement may be NULL */
    const char *running;                     /* sum of the totals up to here */
    const char *period_price, *period_total; /* with the degressive rate */
    int64_t item;                            /* id of the material */
};

struct paper_category {
    const char *name, *items, *total;
};

struct paper {
    const struct pair *facts; /* "number", "seller_name", "due_amount" …: billing.paper_facts() */
    size_t facts_n;
    const struct paper_line *lines;
    size_t lines_n;
    const struct paper_category *categories;
    size_t categories_n;
};

/* "" when the bill does not say. */
const char *paper_fact(const struct paper *paper, const char *name) NEVER_NULL;
bool paper_is(const struct paper *paper, const char *name, const char *value);

/* Reads a live bill of the caller's organization; everything lives in the call's arena. Errors:
   NOT_FOUND and those of call_run. */
enum err paper_read(struct call *call, int64_t bill, struct paper *out) MUST_USE;

#endif
