/*
 * pdf.h - a bill as a PDF: A4, page one what it costs, from page two the equipment in detail.
 * pdf*.c are the only home of cairo and pango. Same paper, same bytes: no clock, no random ids.
 * Needs about 10 ms a page; may run on several threads at once.
 */
#ifndef BILLING_PDF_H
#define BILLING_PDF_H

#include "services/billing/paper.h"

/* The bytes live in the arena. Errors: INTERNAL when the library fails. */
enum err pdf_bill(struct arena *arena, const struct paper *paper, struct slice *out) MUST_USE;

#endif
