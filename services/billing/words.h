/*
 * words.h - the words, dates and amounts of a bill in English and French. Pure. Amounts are decimal
 * text; nothing is computed, only written.
 */
#ifndef BILLING_WORDS_H
#define BILLING_WORDS_H

#include "common/arena.h"

#define NARROW_SPACE "\xe2\x80\xaf" /* never broken; parts thousands in French */

enum tongue { ENGLISH, FRENCH };
enum word {
    WORD_BILL,
    WORD_CREDIT_NOTE,
    WORD_BILL_IN,   /* before the currency's name */
    WORD_CREDIT_IN, /* the same of a credit note */
    WORD_NUMBER,    /* "N°" */
    WORD_DATE,
    WORD_PAGE,
    WORD_CREDITS, /* "Credits bill" */
    WORD_BILLED_TO,
    WORD_EVENT,
    WORD_FROM,
    WORD_TO,
    WORD_VAT_NUMBER,
    WORD_PHONE,
    WORD_CATEGORY,
    WORD_ITEMS,
    WORD_DAILY_TOTAL,
    WORD_DAILY,
    WORD_DISCOUNTABLE,
    WORD_DISCOUNT,
    WORD_NO_DISCOUNT,
    WORD_PER_DAY,
    WORD_PER_DAY_NET,
    WORD_VAT,
    WORD_PER_DAY_WITH,
    WORD_RATE,
    WORD_DAY,
    WORD_DAYS,
    WORD_TOTALS,
    WORD_TOTAL_NET,
    WORD_TOTAL_WITH,
    WORD_DUE,
    WORD_CREDITED,
    WORD_REPLACEMENT_ALL,
    WORD_DETAIL,
    WORD_REFERENCE,
    WORD_NAME,
    WORD_QUANTITY,
    WORD_PRICE,
    WORD_REPLACEMENT,
    WORD_TOTAL,
    WORD_CARRY_OUT,
    WORD_CARRY_IN,
    WORD_CONTINUED,
    WORDS
};

/* "FR" in any case is French, everything else English. */
enum tongue tongue_of(const char *language);
const char *word(enum tongue tongue, enum word which) NEVER_NULL;
const char *words_currency(enum tongue tongue, const char *iso) NEVER_NULL; /* "euros" */
/* 1664.25 → "€1,664.25", "1 664,25 €"; a minus sign in front. */
const char *words_money(struct arena *arena, enum tongue tongue, const char *iso,
                        const char *amount) NEVER_NULL;
const char *words_number(struct arena *arena, enum tongue tongue, const char *number) NEVER_NULL;
/* Of "2020-02-12…": "12 Feb 2020", "12/02/2020"; "Wednesday 12 February 2020". The text itself when
   it is no date. */
const char *words_date(struct arena *arena, enum tongue tongue, const char *date) NEVER_NULL;
const char *words_long_date(struct arena *arena, enum tongue tongue, const char *date) NEVER_NULL;

#endif
