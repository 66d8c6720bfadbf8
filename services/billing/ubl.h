/*
 * ubl.h - a bill as UBL 2.1 XML, Invoice or CreditNote, with the core of EN 16931. ubl.c is the
 * only home of libxml2. Same paper, same bytes.
 *
 * A line costs its price for the whole period (daily price times degressive rate), rounded by
 * itself; the discount and what rounding line by line makes of the total are allowances or charges
 * of the document, so that every sum of the standard holds to the cent.
 */
#ifndef BILLING_UBL_H
#define BILLING_UBL_H

#include "services/billing/paper.h"

/* The bytes live in the arena. Errors: INTERNAL when the library fails. */
enum err ubl_bill(struct arena *arena, const struct paper *paper, struct slice *out) MUST_USE;

#endif
