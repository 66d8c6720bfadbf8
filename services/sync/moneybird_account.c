/* moneybird_account.c - which administrations a fresh connection of Moneybird may be used for. */
#include "services/sync/moneybird.h"

enum { IDENTIFY_MS = 8000 };

/* NULL: there is nothing to choose. */
static const char *choices_of(struct arena *arena, const msgpack_object *list)
{
    struct buf out;
    buf_init(&out, arena);
    for (uint32_t i = 0; i < list->via.array.size; i++) {
        const char *name = mp_text(arena, mp_find(&list->via.array.ptr[i], "name"));
        buf_puts(&out, i == 0 ? "[{\"id\":" : ",{\"id\":");
        buf_puts_json(&out, moneybird_id(arena, mp_find(&list->via.array.ptr[i], "id")));
        buf_puts(&out, ",\"name\":");
        buf_puts_json(&out, name == NULL ? "Moneybird" : name);
        buf_putc(&out, '}');
    }
    buf_putc(&out, ']');
    return list->via.array.size > 1 ? out.data : NULL;
}

const char *moneybird_identify(struct http *http, struct arena *arena, const char *access,
                               struct account *out)
{
    const struct endpoint *e = provider_endpoint(provider_find("moneybird"));
    struct http_reply reply;
    http_send(
        http, arena,
        &(struct http_request){.method = "GET",
                               .url = arena_printf(arena, "%s/administrations.json", e->api_url),
                               .bearer = access,
                               .timeout_ms = IDENTIFY_MS},
        &reply);
    if (reply.fate == HTTP_ANSWERED && reply.status == 429)
        return "Moneybird is busy with our requests. Please try again in some minutes.";
    if (reply.fate != HTTP_ANSWERED || reply.status != 200 || reply.object == NULL ||
        reply.object->type != MSGPACK_OBJECT_ARRAY)
        return "Moneybird did not say which administration it is. Please try again.";
    if (reply.object->via.array.size == 0)
        return "No administration was allowed. Connect again and choose one.";
    const msgpack_object *first = &reply.object->via.array.ptr[0];
    out->account = moneybird_id(arena, mp_find(first, "id"));
    out->name = mp_text(arena, mp_find(first, "name"));
    if (out->name == NULL)
        out->name = "Moneybird";
    out->choices = choices_of(arena, reply.object);
    return out->account == NULL ? "Moneybird's answer could not be read." : NULL;
}
