#include "proto/dialect.h"

#include <string.h>
#include <strings.h>

#include "proto/pages.h"
#include "proto/resources.h"

/* The fixed words of an error, where they do not depend on the route. */
struct words {
    enum err err;
    const char *laravel, *robert; /* robert NULL: the same */
};

static const char not_found[] = "The required resource was not found.";
static const char no_permission[] = "You do not have permission to perform this action.";

static const struct words fixed[] = {
    {ERR_MALFORMED, "The request could not be read.", NULL},
    {ERR_UNAUTHENTICATED, "Unauthenticated.", "Token not found."},
    {ERR_ACL, no_permission, NULL},
    {ERR_FORBIDDEN, no_permission, NULL},
    {ERR_NOT_FOUND, "Not found.", not_found},
    {ERR_NO_ROUTE, "The route could not be found.", not_found},
    {ERR_METHOD, "The method is not supported for this route.", not_found},
    {ERR_CONFLICT, "The request conflicts with the present state of the record.", NULL},
    {ERR_BUSY, "A request with this Idempotency-Key is still running. Try again in a moment.",
     NULL},
    {ERR_STALE, "The record was changed by somebody else. Read it again before writing.", NULL},
    {ERR_TOO_LARGE, "The request body is too large.", NULL},
    {ERR_CSRF, "CSRF token mismatch.", NULL},
    {ERR_INVALID, "The given data was invalid.",
     "Validation failed. See error[details] for more informations."},
    {ERR_RATE_LIMITED, "Too Many Attempts.", NULL},
    {ERR_HEADERS, "The request headers are too large.", NULL},
    {ERR_INTERNAL, "An error occurred. Please try again.", NULL},
    {ERR_UNAVAILABLE,
     "The service is not available right now. Nothing was changed; please try again"
     " in a moment.",
     NULL},
    {ERR_TIMEOUT,
     "The request took too long and was given up. A change may or may not have been made:"
     " check before you repeat it, or repeat it with the same Idempotency-Key.",
     NULL},
};

static bool is_robert(const struct saying *s) { return s->dialect == DIALECT_ROBERT; }

static bool reads_only(const struct saying *s)
{
    return s->verb != NULL && (strcmp(s->verb, "GET") == 0 || strcmp(s->verb, "HEAD") == 0);
}

static const char *method_words(struct arena *arena, const struct saying *s)
{
    return arena_printf(arena,
                        "The %s method is not supported for route %s. Supported methods: %s.",
                        s->verb == NULL ? "asked" : s->verb, s->path + (*s->path == '/' ? 1 : 0),
                        s->allow == NULL ? "none" : s->allow);
}

/* Words that depend on the route; NULL: the fixed ones do. */
static const char *special_words(struct arena *arena, const struct saying *s, enum err err)
{
    const struct resource *r = s->route == NULL ? NULL : s->route->resource;
    if (err == ERR_CONFLICT && r != NULL && r->duplicate != NULL && is_robert(s))
        return text_in(arena, r->duplicate, s->dialect, s->language);
    if (err == ERR_TIMEOUT && reads_only(s))
        return "The request took too long and was given up. Please try again in a moment.";
    if (is_robert(s))
        return NULL;
    if (err == ERR_NOT_FOUND && r != NULL)
        return arena_printf(arena, "%s not found.", r->label);
    if (err == ERR_NO_ROUTE && s->path != NULL)
        return arena_printf(arena, "The route %s could not be found.",
                            s->path + (*s->path == '/' ? 1 : 0));
    if (err == ERR_METHOD && s->path != NULL)
        return method_words(arena, s);
    return NULL;
}

/* A conflict names its field: "name must be unique". */
static const char *fault_words(struct arena *arena, const struct saying *s,
                               const struct fault *fault)
{
    struct buf text;
    buf_init(&text, arena);
    rule_say(&text, fault, s->dialect, s->language);
    return text.data;
}

static const char *words_of(struct arena *arena, const struct saying *s, const struct reply *reply)
{
    /* The details of a defect are for the log alone. */
    if (reply->message != NULL && reply->err != ERR_INTERNAL)
        return text_in(arena, reply->message, s->dialect, s->language);
    if (reply->err == ERR_CONFLICT && reply->faults != NULL)
        return fault_words(arena, s, reply->faults);
    const char *special = special_words(arena, s, reply->err);
    if (special != NULL)
        return special;
    for (size_t i = 0; i < COUNT_OF(fixed); i++)
        if (fixed[i].err == reply->err)
            return is_robert(s) && fixed[i].robert != NULL ? fixed[i].robert : fixed[i].laravel;
    return err_meaning(reply->err);
}

static const char *field_of(const struct fault *fault)
{
    return *fault->field == '\0' ? "body" : fault->field;
}

static bool same_field(const struct fault *a, const struct fault *b)
{
    return strcmp(field_of(a), field_of(b)) == 0;
}

static bool said_before(const struct fault *first, const struct fault *fault)
{
    for (; first != fault; first = first->next)
        if (same_field(first, fault))
            return true;
    return false;
}

/* The fault that stands for all of its field: Laravel says no more than that it is required. */
static const struct fault *sole_fault(const struct saying *s, const struct fault *of)
{
    for (const struct fault *f = of; f != NULL && !is_robert(s); f = f->next)
        if (same_field(f, of) && f->rule == RULE_MISSING)
            return f;
    return NULL;
}

static void put_fault(struct buf *out, const struct saying *s, const struct fault *fault)
{
    struct buf text;
    buf_init(&text, out->arena);
    rule_say(&text, fault, s->dialect, s->language);
    buf_put_json(out, text.data, text.len);
}

/* A field without a text is named all the same, with an empty list. */
static bool is_silent(const struct fault *fault)
{
    return fault->rule == RULE_SAID && (fault->a == NULL || *fault->a == '\0');
}

static void put_field(struct buf *out, const struct saying *s, const struct fault *first)
{
    buf_puts_json(out, field_of(first));
    buf_puts(out, ":[");
    const struct fault *sole = sole_fault(s, first);
    if (sole != NULL)
        put_fault(out, s, sole);
    for (const struct fault *f = first; f != NULL && sole == NULL; f = f->next) {
        if (!same_field(f, first) || is_silent(f))
            continue;
        if (f != first)
            buf_putc(out, ',');
        put_fault(out, s, f);
    }
    buf_putc(out, ']');
}

/* {"field":["…"]}, fields in the order of their first fault. */
static void put_faults(struct buf *out, const struct saying *s, const struct fault *faults)
{
    buf_putc(out, '{');
    for (const struct fault *f = faults; f != NULL; f = f->next) {
        if (said_before(faults, f))
            continue;
        if (f != faults)
            buf_putc(out, ',');
        put_field(out, s, f);
    }
    buf_putc(out, '}');
}

static void say_message(struct buf *out, const char *message)
{
    buf_puts(out, "{\"message\":");
    buf_puts_json(out, message);
    buf_putc(out, '}');
}

static void error_laravel(struct buf *out, const struct saying *s, const struct reply *reply)
{
    const char *message = words_of(out->arena, s, reply);
    if (reply->err != ERR_INVALID) {
        say_message(out, message);
        return;
    }
    buf_puts(out, "{\"message\":");
    buf_puts_json(out, message);
    buf_puts(out, ",\"errors\":");
    put_faults(out, s, reply->faults);
    buf_putc(out, '}');
}

static void say_acl(struct buf *out, const struct saying *s)
{
    buf_printf(
        out,
        "{\"error\":\"Unauthorized by ACL: users of group '%s' are not allowed to access this"
        " API endpoint.\"}",
        role_group(s->role));
}

static void error_robert(struct buf *out, const struct saying *s, const struct reply *reply,
                         int status)
{
    const char *message = words_of(out->arena, s, reply);
    if (reply->err == ERR_UNAUTHENTICATED) {
        buf_puts(out, "{\"success\":false,\"error\":{\"message\":");
        buf_puts_json(out, message);
        buf_puts(out, ",\"details\":null}}");
        return;
    }
    buf_printf(out, "{\"success\":false,\"error\":{\"code\":%d,\"message\":", status);
    buf_puts_json(out, message);
    bool absent =
        reply->err == ERR_NOT_FOUND || reply->err == ERR_NO_ROUTE || reply->err == ERR_METHOD;
    if (reply->err == ERR_INVALID && reply->faults != NULL) {
        buf_puts(out, ",\"details\":");
        put_faults(out, s, reply->faults);
    } else if (absent) {
        buf_puts(out, ",\"details\":[");
        buf_puts_json(out, message);
        buf_putc(out, ']');
    } else if (reply->err != ERR_INVALID && reply->err != ERR_MALFORMED) {
        buf_puts(out, ",\"details\":[]");
    }
    buf_puts(out, "}}");
}

static int error_status(const struct saying *s, const struct reply *reply)
{
    if (reply->status != 0)
        return reply->status;
    if (is_robert(s) && reply->err == ERR_INVALID)
        return 400;
    if (is_robert(s) && reply->err == ERR_FORBIDDEN)
        return err_status(ERR_ACL);
    if (!is_robert(s) && reply->err == ERR_ACL)
        return err_status(ERR_FORBIDDEN);
    if (is_robert(s) && reply->err == ERR_METHOD)
        return err_status(ERR_NO_ROUTE);
    return err_status(reply->err);
}

static int say_error(struct buf *out, const struct saying *s, const struct reply *reply)
{
    int status = error_status(s, reply);
    /* 419 is the browser framework's own answer, whatever the route speaks. */
    if (reply->err == ERR_CSRF || !is_robert(s))
        error_laravel(out, s, reply);
    else if (reply->err == ERR_ACL || reply->err == ERR_FORBIDDEN)
        say_acl(out, s);
    else
        error_robert(out, s, reply, status);
    return status;
}

static void put_json(struct buf *out, struct slice json)
{
    if (json.len == 0)
        buf_puts(out, "null");
    else
        buf_put(out, json.data, json.len);
}

static bool is_op(const struct saying *s, const char *op)
{
    return s->route != NULL && s->route->op != NULL && strcmp(s->route->op, op) == 0;
}

/* "Client created successfully." of a plain write; NULL for everything else. */
static const char *said(struct arena *arena, const struct saying *s)
{
    const struct resource *r = s->route == NULL ? NULL : s->route->resource;
    const char *own = NULL, *done = NULL;
    if (r == NULL)
        return NULL;
    if (is_op(s, "create")) {
        own = r->said_created;
        done = "created";
    } else if (is_op(s, "update")) {
        own = r->said_updated;
        done = "updated";
    } else if (is_op(s, "delete")) {
        own = r->said_deleted;
        done = "deleted";
    } else if (is_op(s, "restore")) {
        done = "restored";
    }
    if (own != NULL || done == NULL)
        return own;
    return arena_printf(arena, "%s %s successfully.", r->label, done);
}

static void success_laravel(struct buf *out, const struct saying *s, const struct reply *reply)
{
    const char *message = reply->message != NULL ? reply->message : said(out->arena, s);
    bool data = reply->json.len > 0 && !is_op(s, "delete");
    if (message == NULL && !data && !reads_only(s))
        message = "Done.";
    if (message == NULL) {
        buf_puts(out, "{\"data\":");
        put_json(out, reply->json);
        buf_putc(out, '}');
    } else if (!data) {
        say_message(out, message);
    } else {
        buf_puts(out, "{\"message\":");
        buf_puts_json(out, message);
        buf_puts(out, ",\"data\":");
        put_json(out, reply->json);
        buf_putc(out, '}');
    }
}

static void success_robert(struct buf *out, const struct saying *s, const struct reply *reply)
{
    bool list = reply->page.plain ||
                (is_op(s, "list") && reply->json.len > 0 && reply->json.data[0] == '[');
    if (list) {
        buf_puts(out, "{\"data\":");
        buf_put(out, reply->json.len == 0 ? "[]" : reply->json.data,
                reply->json.len == 0 ? 2 : reply->json.len);
        buf_putc(out, '}');
    } else if (reply->json.len > 0) {
        buf_put(out, reply->json.data, reply->json.len);
    } else if (is_op(s, "delete")) {
        buf_puts(out, "{\"destroyed\":true}");
    } else if (reply->message != NULL) {
        buf_puts(out, "{\"success\":true,\"message\":");
        buf_puts_json(out, reply->message);
        buf_putc(out, '}');
    } else {
        buf_puts(out, "{\"success\":true}");
    }
}

/* The json bytes are the whole body; an action that only has something to say says it. */
static bool is_bare(const struct saying *s, const struct reply *reply)
{
    if (reply->bare || reply->type != NULL)
        return true;
    bool raw = s->route != NULL && (s->route->flags & ACTION_RAW) != 0;
    return raw && (reply->json.len > 0 || reply->message == NULL);
}

static int say_success(struct buf *out, const struct saying *s, const struct reply *reply)
{
    if (is_bare(s, reply))
        buf_put(out, reply->json.data, reply->json.len);
    else if (reply->page.size > 0 && reply->page.by_cursor)
        pages_laravel(out, s, reply);
    else if (reply->page.size > 0 && is_robert(s) && !reply->page.plain)
        pages_robert(out, s, reply);
    else if (reply->page.size > 0 && !is_robert(s))
        pages_laravel(out, s, reply);
    else if (is_robert(s))
        success_robert(out, s, reply);
    else
        success_laravel(out, s, reply);
    if (reply->status != 0)
        return reply->status;
    return s->route != NULL && (s->route->flags & ACTION_CREATED) != 0 ? 201 : 200;
}

int dialect_say(struct buf *out, const struct saying *saying, const struct reply *reply)
{
    if (reply->err == ERR_OK)
        return say_success(out, saying, reply);
    return say_error(out, saying, reply);
}
