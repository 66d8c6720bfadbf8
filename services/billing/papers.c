/*
 * papers.c - a bill as a file: the PDF, also for holders of a signed link, and the XML. Source:
 * rentals.md 4.13, decisions.md 6.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "services/billing/bill.h"
#include "services/billing/link.h"
#include "services/billing/pdf.h"
#include "services/billing/ubl.h"
#include "services/billing/words.h"
#include "services/core/service.h"

/* A number of the link's query; 0 when it is none. */
static int64_t number_of(const struct request *request, const char *name)
{
    const char *text = query_find(request, name);
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
        return 0;
    return strtoll(text, NULL, 10);
}

/* Whoever holds a good link reads as the organization that gave it. */
static bool comes_by_link(struct call *call)
{
    const struct request *asked = call->request;
    const char *signature = query_find(asked, "signature");
    struct link link = {.organization_id = number_of(asked, "organization"),
                        .bill = asked->row,
                        .expires_s = number_of(asked, "expires")};
    if (signature == NULL || link.organization_id == 0 ||
        !link_is_good(&link, service_settings.secret_key, signature, clock_unix_ms() / 1000))
        return false;
    struct request *other = arena_alloc(call->arena, sizeof *other);
    *other = *asked;
    other->who = (struct caller){.organization_id = link.organization_id,
                                 .role = ROLE_USER,
                                 .abilities = "bills:read",
                                 .zone = "",
                                 .org_zone = "",
                                 .language = asked->who.language};
    call->request = other;
    return true;
}

/* The route is public because of the links, so that a token's abilities are looked at here. */
static bool may_read(const char *abilities)
{
    static const char *const good[] = {"*", "read", "bills:*", "bills:read"};
    for (const char *at = abilities; *at != '\0'; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        for (size_t i = 0; i < COUNT_OF(good); i++)
            if (strlen(good[i]) == len && memcmp(good[i], at, len) == 0)
                return true;
        at += len;
    }
    return false;
}

static enum err admit(struct call *call)
{
    const struct caller *who = &call->request->who;
    if (comes_by_link(call))
        return ERR_OK;
    if (who->user_id == 0)
        return call_fail(call, ERR_UNAUTHENTICATED, "Token not found.");
    if (who->role < ROLE_USER || who->organization_id == 0 || !may_read(who->abilities))
        return call_fail(call, ERR_ACL, NULL);
    return ERR_OK;
}

/* White space becomes _, what a file name or a quoted header cannot hold goes. */
static char *file_name(struct arena *arena, const char *text)
{
    char *name = arena_strdup(arena, text), *to = name;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (isspace(c))
            *to++ = '_';
        else if (c >= 0x20 && c != 0x7f && strchr("\"\\/:*?<>|;%", c) == NULL)
            *to++ = *at;
    }
    *to = '\0';
    return name;
}

/* attachment; filename="ascii"; filename*=UTF-8''… (RFC 6266). */
static const char *disposition(struct arena *arena, const char *name)
{
    struct buf out;
    buf_init(&out, arena);
    buf_puts(&out, "attachment; filename=\"");
    bool plain = true;
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x80)
            buf_putc(&out, *at);
        else if (c >= 0xc0) /* one sign for one character */
            buf_putc(&out, '_');
        plain = plain && c < 0x80;
    }
    buf_putc(&out, '"');
    if (plain)
        return out.data;
    buf_puts(&out, "; filename*=UTF-8''");
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < 0x80 && (isalnum(c) || strchr("-_.", c) != NULL))
            buf_putc(&out, *at);
        else
            buf_printf(&out, "%%%02X", c);
    }
    return out.data;
}

static const char *name_of(struct call *call, const struct paper *paper, const char *ending)
{
    enum tongue tongue = tongue_of(paper_fact(paper, "language"));
    bool credit = paper_is(paper, "kind", "credit_note");
    const char *name = arena_printf(call->arena, "%s-%s-%s-%s.%s",
                                    word(tongue, credit ? WORD_CREDIT_NOTE : WORD_BILL),
                                    paper_fact(paper, "seller_name"), paper_fact(paper, "number"),
                                    paper_fact(paper, "buyer_name"), ending);
    return disposition(call->arena, file_name(call->arena, name));
}

static enum err answer(struct call *call, struct slice bytes, const char *type, const char *name)
{
    call->reply->json = bytes;
    call->reply->type = type;
    call->reply->bare = true;
    call_header(call, "Content-Description", "File Transfer");
    call_header(call, "Content-Transfer-Encoding", "binary");
    call_header(call, "Content-Disposition", name);
    call_header(call, "Expires", "0");
    call_header(call, "Cache-Control", "private, must-revalidate, post-check=0, pre-check=0");
    return ERR_OK;
}

enum err bill_pdf(struct call *call)
{
    struct paper paper;
    struct slice bytes;
    enum err err = admit(call);
    if (err == ERR_OK)
        err = paper_read(call, call->request->row, &paper);
    if (err != ERR_OK)
        return err;
    if (pdf_bill(call->arena, &paper, &bytes) != ERR_OK)
        return call_fail(call, ERR_INTERNAL, NULL);
    return answer(call, bytes, "application/download", name_of(call, &paper, "pdf"));
}

enum err bill_ubl(struct call *call)
{
    struct paper paper;
    struct slice bytes;
    enum err err = paper_read(call, call->request->row, &paper);
    if (err != ERR_OK)
        return err;
    if (ubl_bill(call->arena, &paper, &bytes) != ERR_OK)
        return call_fail(call, ERR_INTERNAL, NULL);
    return answer(call, bytes, "application/xml", name_of(call, &paper, "xml"));
}
