/* hooks.h - what is special about the address book; see call.h for the contract. */
#ifndef CRM_HOOKS_H
#define CRM_HOOKS_H

#include "services/core/call.h"

extern const struct hooks contact_hooks, person_hooks, company_hooks, custom_field_hooks;

/* person.c: the member "tags" of a body, of contacts too. */
enum err person_check_tags(struct call *call);
enum err person_written(struct call *call, int64_t id);
extern const char *const tagged_lists[]; /* hooks.lists */

enum err client_duplicates(struct call *call);
/* On the background thread: takes some values of a purged custom field out of their records. */
void custom_purge_work(struct pg *pg, struct arena *arena);
/* On the background thread: mails what is due, at most every few seconds. */
void reminders_work(struct pg *pg, struct arena *arena);

/* The definition of the route, which is deleted already, goes for good. */
enum err custom_purge(struct call *call);
enum err search_all(struct call *call);
/* Never a route: what the OpenAPI document says of the custom fields. */
enum err custom_schemas(struct call *call);
enum err tag_search(struct call *call);
enum err tag_persons(struct call *call);
enum err tag_materials(struct call *call);
enum err company_search(struct call *call);
enum err company_persons(struct call *call);
enum err person_tags(struct call *call);

#endif
