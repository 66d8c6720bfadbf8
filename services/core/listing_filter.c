#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "services/core/custom_field.h"
#include "services/core/listing.h"

enum { VALUES_MAX = 100 };

/* The values of "a,b,null", those that fit the type only. */
struct values {
    const char *item[VALUES_MAX];
    size_t n;
    bool null;
};

static bool is_true(const char *text)
{
    return strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0 ||
           strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0;
}

static bool is_false(const char *text)
{
    return strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0 ||
           strcasecmp(text, "no") == 0 || strcasecmp(text, "off") == 0;
}

/* The value as PostgreSQL takes it for the type, or NULL when it can match nothing. */
static const char *fitting(struct call *call, enum field_type type, const char *text)
{
    bool wide = false;
    const char *number;
    switch (type) {
    case F_ID:
    case F_INT:
    case F_REF:
        number = integer_read(call->arena, text, &wide);
        return wide ? NULL : number;
    case F_DECIMAL:
        return decimal_read(call->arena, text, -1);
    case F_BOOL:
        return is_true(text) ? "true" : is_false(text) ? "false" : NULL;
    case F_DATE:
        return date_read(call->arena, text);
    case F_TIME:
        return instant_read(call->arena, text, caller_zone(call));
    case F_TEXT:
    case F_EMAIL:
    case F_PHONE:
    case F_URL:
    case F_COLOR:
    case F_ENUM:
    case F_ZONE:
    case F_JSON:
    case F_LIST:
    case F_COMPUTED:
        break;
    }
    return text_length(text) < 0 ? NULL : text;
}

static void read_values(struct call *call, enum field_type type, const char *list,
                        struct values *values)
{
    *values = (struct values){0};
    while (*list != '\0' && values->n < VALUES_MAX) {
        size_t len = strcspn(list, ",");
        const char *text = text_trim(call->arena, arena_strndup(call->arena, list, len));
        list += len + (list[len] == ',');
        if (strcmp(text, "null") == 0) {
            values->null = true;
            continue;
        }
        const char *fits = text[0] == '\0' ? NULL : fitting(call, type, text);
        if (fits != NULL)
            values->item[values->n++] = fits;
    }
}

static void put_values(struct call *call, struct listing *listing, const char *value_sql,
                       const char *cast, const struct values *values)
{
    struct sql *where = &listing->where;
    sql_puts(where, " AND (");
    if (values->n > 0)
        sql_printf(where, "%s = ANY ($%d::%s[])", value_sql,
                   sql_bind(where, sql_array(call->arena, values->item, values->n)), cast);
    else
        sql_puts(where, "false");
    if (values->null)
        sql_printf(where, " OR %s IS NULL", value_sql);
    sql_puts(where, ")");
}

/* An option of a custom field with several: any of the values is among them. */
static void put_options(struct call *call, struct listing *listing,
                        const struct custom_field *custom, const struct values *values)
{
    struct sql *where = &listing->where;
    const char *value = custom_value_sql(call, where, custom);
    sql_printf(where, " AND (core.has_option(%s, $%d::bigint[])", value,
               sql_bind(where, sql_array(call->arena, values->item, values->n)));
    if (values->null)
        sql_printf(where, " OR coalesce(%s, 'null') IN ('null', '[]')", value);
    sql_puts(where, ")");
}

static const char *field_sql(struct call *call, const struct field *field)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_value(&sql, field);
    return sql.text.data;
}

static const struct {
    const char *name, *sql;
} ranges[] = {{"gte", ">="}, {"lte", "<="}, {"gt", ">"}, {"lt", "<"}};

static const char *range_sql(const char *op)
{
    for (size_t i = 0; i < COUNT_OF(ranges); i++)
        if (strcmp(ranges[i].name, op) == 0)
            return ranges[i].sql;
    return NULL;
}

void range_add(struct call *call, struct listing *listing, const struct field *field,
               const char *value_sql, const struct pair *asked)
{
    const char *op = asked->name, *value = asked->value, *sql = range_sql(op);
    bool day = field->type == F_TIME && strlen(value) <= 10;
    const char *bound = fitting(call, field->type, value);
    if (bound == NULL) {
        bool time = field->type == F_TIME || field->type == F_DATE;
        fault_add(call, field, time ? RULE_DATE : RULE_NUMERIC, NULL, NULL);
        return;
    }
    /* A day that ends a range belongs to it. */
    const char *plus = "";
    if (day && (strcmp(op, "lte") == 0 || strcmp(op, "gt") == 0)) {
        plus = " + interval '1 day'";
        sql = strcmp(op, "lte") == 0 ? "<" : ">=";
    }
    sql_printf(&listing->where, " AND %s %s $%d::%s%s", value_sql, sql,
               sql_bind(&listing->where, bound), field_cast(field), plus);
    listing->filtered = true;
}

/* "name" or "name][gte": the part of the key behind "filter[". */
static bool split_key(struct call *call, const char *key, const char **name, const char **op)
{
    size_t len = strcspn(key, "]");
    if (len == 0 || key[len] != ']')
        return false;
    *name = arena_strndup(call->arena, key, len);
    *op = NULL;
    if (key[len + 1] == '[')
        *op = arena_strndup(call->arena, key + len + 2, strcspn(key + len + 2, "]"));
    return true;
}

static bool is_ranged(const struct custom_field *custom)
{
    enum field_type type = custom->field.type;
    return custom->type == CUSTOM_ONE &&
           (type == F_INT || type == F_DECIMAL || type == F_DATE || type == F_TIME);
}

static void add_custom(struct call *call, struct listing *listing, const char *name,
                       const struct pair *asked)
{
    struct values values;
    const struct custom_field *custom = custom_find(call, name);
    bool range = asked->name != NULL;
    if (custom == NULL || (range && (!is_ranged(custom) || range_sql(asked->name) == NULL)))
        return;
    listing->filtered = true;
    if (range) {
        range_add(call, listing, &custom->field, custom_value_sql(call, &listing->where, custom),
                  asked);
        return;
    }
    bool options = custom->type == CUSTOM_OPTIONS; /* a list of numbers */
    read_values(call, options ? F_INT : custom->field.type, asked->value, &values);
    if (values.n == 0 && !values.null)
        sql_puts(&listing->where, " AND false"); /* a bound parameter must not go unused */
    else if (options)
        put_options(call, listing, custom, &values);
    else
        put_values(call, listing, custom_value_sql(call, &listing->where, custom),
                   field_cast(&custom->field), &values);
}

void filter_add(struct call *call, struct listing *listing, const char *key, const char *value)
{
    const char *name, *op;
    if (value[0] == '\0' || !split_key(call, key, &name, &op))
        return;
    const struct field *field = field_find(call->resource, name);
    struct pair asked = {op, value};
    if (field == NULL) {
        add_custom(call, listing, name, &asked);
        return;
    }
    if (op != NULL) {
        if ((field->flags & RANGE) != 0 && range_sql(op) != NULL)
            range_add(call, listing, field, field_sql(call, field), &asked);
        return;
    }
    if ((field->flags & FILTER) == 0)
        return;
    bool text = field->type == F_TEXT || field->type == F_ENUM || field->type == F_REF;
    if (text && strcmp(value, "0") == 0)
        return;
    struct values values;
    read_values(call, field->type, value, &values);
    const char *sql = field_sql(call, field);
    if (field->type == F_COMPUTED)
        sql = arena_printf(call->arena, "%s::text", sql);
    put_values(call, listing, sql, field_cast(field), &values);
    listing->filtered = true;
}

void filters_add(struct call *call, struct listing *listing)
{
    int n = 0;
    for (size_t i = 0; i < call->request->query_n && n < FILTERS_MAX; i++) {
        const struct pair *pair = &call->request->query[i];
        if (strncmp(pair->name, "filter[", 7) != 0)
            continue;
        filter_add(call, listing, pair->name + 7, text_trim(call->arena, pair->value));
        n++;
    }
}

/* Values of name[]=a&name[]=b, name[0]=a, and name=a. */
static size_t collect(const struct call *call, const char *name, const char **out, size_t room)
{
    size_t len = strlen(name), n = 0;
    for (size_t i = 0; i < call->request->query_n && n < room; i++) {
        const struct pair *pair = &call->request->query[i];
        if (strncmp(pair->name, name, len) != 0 || pair->value[0] == '\0')
            continue;
        const char *rest = pair->name + len;
        size_t digits = *rest == '[' ? strspn(rest + 1, "0123456789") : 0;
        if (*rest == '\0' || (*rest == '[' && strcmp(rest + 1 + digits, "]") == 0))
            out[n++] = pair->value;
    }
    return n;
}

static void add_list(struct call *call, struct listing *listing, const struct param *param)
{
    const char *items[VALUES_MAX];
    size_t n = collect(call, param->name, items, VALUES_MAX);
    if (n == 0)
        return;
    sql_puts(&listing->where, " AND (");
    int at = sql_bind(&listing->where, sql_array(call->arena, items, n));
    sql_hole(&listing->where, param->where, at, "text[]");
    sql_puts(&listing->where, ")");
    listing->filtered = true;
}

/* The value as its type wants it; NULL: it matches nothing (or was refused). */
static const char *param_value(struct call *call, const struct param *param, const char *text)
{
    bool laravel = call->resource->dialect == DIALECT_LARAVEL;
    struct field named = {param->name, param->type};
    if (param->type == F_BOOL) {
        bool known = is_true(text) || strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0;
        if (!known && laravel)
            fault_add(call, &named, RULE_BOOLEAN, NULL, NULL);
        return known ? (is_true(text) ? "true" : "false") : NULL;
    }
    const char *value = fitting(call, param->type, text);
    if (value == NULL && (param->type == F_DATE || param->type == F_TIME))
        fault_add(call, &named, RULE_DATE, NULL, NULL);
    return value;
}

void params_add(struct call *call, struct listing *listing)
{
    bool robert = call->resource->dialect == DIALECT_ROBERT;
    for (const struct param *p = call->resource->params; p != NULL && p->name != NULL; p++) {
        if (p->where == NULL)
            continue;
        if (p->list) {
            add_list(call, listing, p);
            continue;
        }
        const char *text = query_find(call->request, p->name);
        bool off = text == NULL || text[0] == '\0' ||
                   (robert && p->type == F_INT && strcmp(text, "0") == 0);
        if (off)
            continue;
        listing->filtered = true;
        listing->searched = listing->searched || strstr(p->where, " LIKE ") != NULL;
        const char *value = param_value(call, p, text_trim(call->arena, text));
        sql_puts(&listing->where, " AND ");
        if (value == NULL) {
            sql_puts(&listing->where, "false");
            continue;
        }
        sql_puts(&listing->where, "(");
        sql_hole(&listing->where, p->where, sql_bind(&listing->where, value), "text");
        sql_puts(&listing->where, ")");
    }
}

/* The bound pattern of a piece of text: folded, then escaped, in the one place for both. */
static const char *pattern_of(struct call *call, struct sql *where, const char *text)
{
    return arena_printf(call->arena, "'%%' || core.like_escape(core.fold($%d::text)) || '%%'",
                        sql_bind(where, text));
}

/* Matches of one pattern in the searched fields: " AND (a LIKE p OR b LIKE p)". */
static void put_match(struct call *call, struct listing *listing, const char *pattern,
                      const char *only)
{
    struct sql *where = &listing->where;
    const struct resource *r = call->resource;
    const char * or = "";
    listing->filtered = listing->searched = true;
    sql_puts(where, " AND (");
    if (only == NULL && r->search_sql != NULL) {
        sql_printf(where, "(%s) LIKE %s)", r->search_sql, pattern);
        return;
    }
    if (r->search_within != NULL)
        sql_printf(where, "%s LIKE %s AND (", r->search_within, pattern);
    for (const struct field *f = r->fields; f->name != NULL; f++) {
        bool named = only != NULL && strcmp(only, f->name) == 0;
        if (!named && (only != NULL || (f->flags & SEARCH) == 0))
            continue;
        sql_printf(where, "%score.fold((%s)::text) LIKE %s", or, field_sql(call, f), pattern);
        or = " OR ";
    }
    sql_puts(where, or [0] == '\0' ? "false)" : ")");
    sql_puts(where, r->search_within != NULL ? ")" : "");
}

void search_words(struct call *call, struct listing *listing, const char *text)
{
    int words = 0;
    text = text_length(text) < 0 ? "" : text_trim(call->arena, text);
    while (*text != '\0' && words < SEARCH_WORDS) {
        size_t len = strcspn(text, " \t\n");
        const char *word = arena_strndup(call->arena, text, len);
        put_match(call, listing, pattern_of(call, &listing->where, word), NULL);
        text += len + strspn(text + len, " \t\n");
        words++;
    }
}

void search_text(struct call *call, struct listing *listing, const char *text, const char *only)
{
    text = text_length(text) < 0 ? "" : text_trim(call->arena, text);
    if (*text != '\0')
        put_match(call, listing, pattern_of(call, &listing->where, text), only);
}
