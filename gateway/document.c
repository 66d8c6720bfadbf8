/* document.c - /api/openapi.json of whoever asks: with the custom fields of her organization. */
#include <string.h>

#include "common/clock.h"
#include "gateway/admit.h"
#include "gateway/exchange.h"
#include "gateway/upstream.h"
#include "proto/openapi.h"

bool document_is_personal(const struct exchange *x)
{
    return x->local && strcmp(x->path, "/api/openapi.json") == 0 && x->credential.fault == NULL &&
           x->credential.kind != CREDENTIAL_NONE;
}

/* {"clients": {"tier": {…}}, …}; NULL when crm does not answer: then the document goes without. */
static const char *ask_schemas(struct exchange *x, const struct membership *m)
{
    struct request request = {.id = x->id,
                              .trace = x->trace,
                              .op = "custom_schemas",
                              .resource = "",
                              .address = x->address,
                              .path = x->path};
    struct reply *reply = NULL;
    request.who = (struct caller){.user_id = x->identity.user_id,
                                  .organization_id = m->organization_id,
                                  .role = m->role,
                                  .abilities = "",
                                  .zone = x->identity.zone,
                                  .org_zone = m->zone,
                                  .language = x->identity.language};
    int64_t left = (x->deadline_us - clock_mono_us()) / 1000;
    if (upstream_ask(x->arena, "crm", &request, left, &reply) != ERR_OK || reply->json.len == 0)
        return NULL;
    return arena_strndup(x->arena, reply->json.data, reply->json.len);
}

enum err document_stage(struct exchange *x)
{
    struct buf text;
    if (!x->known || !document_is_personal(x))
        return ERR_OK;
    const struct membership *m =
        identity_in(&x->identity, x->organization > 0 ? x->organization : 0);
    const char *schemas = m == NULL ? NULL : ask_schemas(x, m);
    if (schemas == NULL)
        return ERR_OK; /* the general one, which is the answer already */
    buf_init(&text, x->arena);
    openapi_write(&text, schemas);
    x->reply.json = (struct slice){text.data, text.len};
    return ERR_OK;
}
