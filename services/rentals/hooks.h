/* hooks.h - what is special about parks, materials and events; see call.h for the contract. */
#ifndef RENTALS_HOOKS_H
#define RENTALS_HOOKS_H

#include "services/core/call.h"

extern const struct hooks park_hooks, material_hooks, event_hooks;

enum err park_materials(struct call *call);
enum err material_tags(struct call *call);
enum err attribute_list(struct call *call);
enum err missing_materials(struct call *call);
enum err event_inventories(struct call *call);
enum err event_departure(struct call *call);
enum err event_return(struct call *call);
enum err utilization(struct call *call);
enum err feed_list(struct call *call);
enum err feed_create(struct call *call);
enum err feed_delete(struct call *call);
enum err feed_read(struct call *call);

#endif
