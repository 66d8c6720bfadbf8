/* hooks.h - what is special about projects and time blocks; see call.h for the contract. */
#ifndef BILLING_HOOKS_H
#define BILLING_HOOKS_H

#include "services/core/call.h"

extern const struct hooks time_block_hooks;

enum err time_block_sync(struct call *call);
enum err time_report(struct call *call);
enum err locked_list(struct call *call);
enum err locked_create(struct call *call);
enum err locked_delete(struct call *call);

#endif
