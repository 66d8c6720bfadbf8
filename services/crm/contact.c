/* Contacts written with the spellings of document 002: phones, user_id, tags. What is written under
   the names of document 000 as well counts more. Source: crm.md 6.4. */
#include <string.h>
#include <strings.h>

#include "services/core/check.h"
#include "services/crm/hooks.h"

enum { PHONE_CHARS = 50, PHONES_MAX = 20 };

static bool applies(const struct call *call)
{
    static const char *const keys[] = {"phones", "user_id", "tags"};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (mp_find(call->body, keys[i]) != NULL)
            return true;
    return false;
}

/* {"type": "mobile" | "work" | "other", "number": "…"} or the number alone; NULL with a fault. */
static const char *number_of(struct call *call, const msgpack_object *phone, uint32_t index)
{
    bool map = phone->type == MSGPACK_OBJECT_MAP;
    const char *number = mp_text(call->arena, map ? mp_find(phone, "number") : phone);
    const char *field = arena_printf(call->arena, map ? "phones.%u.number" : "phones.%u", index);
    number = number == NULL ? NULL : text_trim(call->arena, number);
    if (number == NULL)
        (void)call_fault(call, field, RULE_STRING, NULL, NULL);
    else if (text_length(number) > PHONE_CHARS)
        (void)call_fault(call, field, RULE_MAX_CHARS, "50", NULL);
    else
        return number;
    return NULL;
}

/* The first mobile number is mobile, the first of another kind is phone. */
static enum err take_phones(struct call *call)
{
    const msgpack_object *phones = mp_find(call->body, "phones");
    const char *found[2] = {NULL, NULL};
    bool good = true;
    if (mp_is_null(phones))
        return ERR_OK;
    if (phones->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, "phones", RULE_ARRAY, NULL, NULL);
    if (phones->via.array.size > PHONES_MAX)
        return call_fault(call, "phones", RULE_MAX_ITEMS, "20", NULL);
    for (uint32_t i = 0; i < phones->via.array.size; i++) {
        const msgpack_object *phone = &phones->via.array.ptr[i];
        const char *number = number_of(call, phone, i);
        const char *type = mp_text(call->arena, mp_find(phone, "type"));
        size_t mobile = type != NULL && strcasecmp(type, "mobile") == 0;
        good = good && number != NULL;
        if (number != NULL && number[0] != '\0' && found[mobile] == NULL)
            found[mobile] = number;
    }
    if (!good)
        return ERR_INVALID;
    if (!call_has(call, "phone"))
        call_set(call, "phone", found[0], "text");
    if (!call_has(call, "mobile"))
        call_set(call, "mobile", found[1], "text");
    return ERR_OK;
}

/* Whether she is a member is checked where assigned_to is. */
static enum err take_user(struct call *call)
{
    const msgpack_object *user = mp_find(call->body, "user_id");
    bool wide = false;
    if (user == NULL || call_has(call, "assigned_to"))
        return ERR_OK;
    const char *text = mp_is_null(user) ? NULL : mp_text(call->arena, user);
    if (text == NULL && !mp_is_null(user))
        text = mp_number(call->arena, user);
    const char *id = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (!mp_is_null(user) && (id == NULL || wide))
        return call_fault(call, "user_id", RULE_INTEGER, NULL, NULL);
    call_set(call, "assigned_to", id, "bigint");
    return ERR_OK;
}

static enum err check(struct call *call)
{
    enum err faults[] = {take_phones(call), take_user(call), person_check_tags(call)};
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (faults[i] != ERR_OK)
            return faults[i];
    return ERR_OK;
}

const struct hooks contact_hooks = {
    .resource = "contact",
    .applies = applies,
    .check = check,
    .after_write = person_written,
    .lists = tagged_lists,
    .lists_sql = "crm.contact_lists(t.id)",
};
