#include "services/rentals/lists.h"

#include <stdio.h>
#include <string.h>

#include "services/core/check.h"

/* The array under key; NULL when there is none. */
static enum err array_of(struct call *call, const char *key, const msgpack_object **out)
{
    const msgpack_object *value = mp_find(call->body, key);
    *out = NULL;
    if (mp_is_null(value))
        return ERR_OK;
    if (value->type != MSGPACK_OBJECT_ARRAY)
        return call_fault(call, key, RULE_ARRAY, NULL, NULL);
    *out = value;
    return ERR_OK;
}

/* A whole number, given as one or as text; the form clients send both. */
static bool whole(struct call *call, const msgpack_object *value, int64_t *out)
{
    bool wide = false;
    const char *text = NULL;
    if (value != NULL)
        text = mp_text(call->arena, value);
    if (value != NULL && text == NULL)
        text = mp_number(call->arena, value);
    const char *number = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (number == NULL || wide)
        return false;
    return sscanf(number, "%ld", out) == 1;
}

static const char *place(struct call *call, const char *key, uint32_t i, const char *member)
{
    return arena_printf(call->arena, "%s.%u%s", key, (unsigned)i, member);
}

enum err list_ids(struct call *call, const char *key, const char **out)
{
    const msgpack_object *list;
    enum err err = array_of(call, key, &list);
    *out = NULL;
    if (list == NULL)
        return err;
    struct buf ids;
    buf_init(&ids, call->arena);
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        int64_t id;
        if (whole(call, &list->via.array.ptr[i], &id))
            buf_printf(&ids, "%c%lld", i == 0 ? '{' : ',', (long long)id);
        else
            err = call_fault(call, place(call, key, i, ""), RULE_INTEGER, NULL, NULL);
    }
    *out = ids.len == 0 ? "{}" : arena_printf(call->arena, "%s}", ids.data);
    return err;
}

static enum err add_material(struct call *call, const char *key, uint32_t i, struct buf *out)
{
    const msgpack_object *entry = &mp_find(call->body, key)->via.array.ptr[i];
    int64_t id, quantity;
    if (!whole(call, mp_find(entry, "id"), &id))
        return call_fault(call, place(call, key, i, ".id"), RULE_INTEGER, NULL, NULL);
    if (!whole(call, mp_find(entry, "quantity"), &quantity))
        return call_fault(call, place(call, key, i, ".quantity"), RULE_INTEGER, NULL, NULL);
    if (quantity > INT32_MAX)
        return call_fault(call, place(call, key, i, ".quantity"), RULE_MAX, "2147483647", NULL);
    buf_printf(out, "%s[%lld,%lld]", out->len == 0 ? "" : ",", (long long)id, (long long)quantity);
    return ERR_OK;
}

static enum err add_counts(struct call *call, const char *key, uint32_t i, struct buf *out)
{
    static const char *const counts[] = {"quantity", "broken", "missing"};
    const msgpack_object *entry = &mp_find(call->body, key)->via.array.ptr[i];
    int64_t number;
    if (!whole(call, mp_find(entry, "id"), &number))
        return call_fault(call, place(call, key, i, ".id"), RULE_INTEGER, NULL, NULL);
    buf_printf(out, "%s[%lld", out->len == 0 ? "" : ",", (long long)number);
    for (size_t k = 0; k < COUNT_OF(counts); k++) {
        const msgpack_object *value = mp_find(entry, counts[k]);
        const char *at = place(call, key, i, arena_printf(call->arena, ".%s", counts[k]));
        number = 0;
        if (!mp_is_null(value) && !whole(call, value, &number))
            return call_fault(call, at, RULE_INTEGER, NULL, NULL);
        if (number < 0)
            return call_fault(call, at, RULE_MIN, "0", NULL);
        if (number > INT32_MAX)
            return call_fault(call, at, RULE_MAX, "2147483647", NULL);
        buf_printf(out, ",%lld", (long long)number);
    }
    buf_putc(out, ']');
    return ERR_OK;
}

/* Adds one entry of the list under key, or its faults. */
typedef enum err (*add_entry)(struct call *call, const char *key, uint32_t i, struct buf *out);

static enum err list_of(struct call *call, const char *key, add_entry add, const char **out)
{
    const msgpack_object *list;
    enum err err = array_of(call, key, &list);
    *out = NULL;
    if (list == NULL)
        return err;
    struct buf entries;
    buf_init(&entries, call->arena);
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        enum err bad = add(call, key, i, &entries);
        err = bad != ERR_OK ? bad : err;
    }
    *out = arena_printf(call->arena, "[%s]", entries.data);
    return err;
}

enum err list_materials(struct call *call, const char *key, const char **out)
{
    return list_of(call, key, add_material, out);
}

enum err list_counts(struct call *call, const char *key, const char **out)
{
    return list_of(call, key, add_counts, out);
}

/* What the original's language calls empty. */
static const char *value_text(struct call *call, const msgpack_object *value)
{
    if (mp_is_null(value))
        return NULL;
    if (value->type == MSGPACK_OBJECT_BOOLEAN)
        return value->via.boolean ? "1" : NULL;
    const char *text = mp_text(call->arena, value);
    if (text != NULL)
        text = text_trim(call->arena, text);
    else if ((text = mp_number(call->arena, value)) != NULL)
        text = decimal_read(call->arena, text, -1);
    return text == NULL || text[0] == '\0' || strcmp(text, "0") == 0 ? NULL : text;
}

static enum err add_value(struct call *call, const char *key, uint32_t i, struct buf *out)
{
    const msgpack_object *entry = &mp_find(call->body, key)->via.array.ptr[i];
    const msgpack_object *value = mp_find(entry, "value");
    int64_t id;
    if (!whole(call, mp_find(entry, "id"), &id))
        return call_fault(call, place(call, key, i, ".id"), RULE_INTEGER, NULL, NULL);
    if (value != NULL && (value->type == MSGPACK_OBJECT_ARRAY || value->type == MSGPACK_OBJECT_MAP))
        return call_fault(call, place(call, key, i, ".value"), RULE_STRING, NULL, NULL);
    const char *text = value_text(call, value);
    if (text == NULL)
        return ERR_OK;
    buf_printf(out, "%s[%lld,", out->len == 0 ? "" : ",", (long long)id);
    buf_puts_json(out, text);
    buf_putc(out, ']');
    return ERR_OK;
}

enum err list_values(struct call *call, const char *key, const char **out)
{
    return list_of(call, key, add_value, out);
}

/* A tag of that name is made when there is none: document 003 says the fault of the tag. */
static bool is_tag_name(struct call *call, const char **name)
{
    *name = text_trim(call->arena, *name);
    int64_t length = text_length(*name);
    return length >= 1 && length <= 48;
}

enum err list_tags(struct call *call, const char *key, const char **out)
{
    const msgpack_object *list, *value = mp_find(call->body, key);
    enum err err = array_of(call, key, &list);
    *out = value != NULL ? "[]" : NULL;
    if (list == NULL)
        return err;
    struct buf names;
    buf_init(&names, call->arena);
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const msgpack_object *entry = &list->via.array.ptr[i];
        const msgpack_object *named = mp_find(entry, "name");
        const char *name = mp_text(call->arena, named != NULL ? named : entry);
        if (name == NULL)
            err = call_fault(call, place(call, key, i, ""), RULE_STRING, NULL, NULL);
        else if (!is_tag_name(call, &name))
            err = call_fault(call, "name", RULE_LENGTH, "1", "48");
        if (err != ERR_OK)
            continue;
        buf_putc(&names, names.len == 0 ? '[' : ',');
        buf_puts_json(&names, name);
    }
    *out = names.len == 0 ? "[]" : arena_printf(call->arena, "%s]", names.data);
    return err;
}
