/* bill.h - ops and hooks of bills and of their papers; see call.h for the contract. */
#ifndef BILLING_BILL_H
#define BILLING_BILL_H

#include "services/core/call.h"

extern const struct hooks bill_hooks;

enum err bill_create(struct call *call);
enum err bill_finalize(struct call *call);
enum err bill_credit_note(struct call *call);
/* The PDF, for those who may read bills and for holders of a signed link. */
enum err bill_pdf(struct call *call);
enum err bill_ubl(struct call *call);

#endif
