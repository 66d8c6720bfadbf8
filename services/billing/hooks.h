/* hooks.h - what is special about projects, time blocks and bills; see call.h for the contract. */
#ifndef BILLING_HOOKS_H
#define BILLING_HOOKS_H

#include "services/core/call.h"

extern const struct hooks time_block_hooks;

enum err time_block_sync(struct call *call);
enum err time_report(struct call *call);
enum err locked_list(struct call *call);
enum err locked_create(struct call *call);
enum err locked_delete(struct call *call);
enum err bill_create(struct call *call);
enum err bill_finalize(struct call *call);
enum err bill_credit_note(struct call *call);

#endif
