#include "tests/api/match.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 400 };

struct matching {
    struct variables *variables;
    struct buf *why;
    char path[PATH_MAX_BYTES];
};

void variable_set(struct variables *variables, const char *name, const char *value)
{
    struct variable *v = variables->first;
    while (v != NULL && strcmp(v->name, name) != 0)
        v = v->next;
    if (v == NULL) {
        v = arena_alloc(variables->arena, sizeof *v);
        v->name = arena_strdup(variables->arena, name);
        v->next = variables->first;
        variables->first = v;
    }
    v->value = arena_strdup(variables->arena, value);
}

const char *variable_find(const struct variables *variables, const char *name)
{
    for (const struct variable *v = variables->first; v != NULL; v = v->next)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

bool match_regex(struct arena *arena, const char *pattern, const char *text,
                 const char **group_or_null)
{
    regex_t regex;
    regmatch_t at[2] = {{-1, -1}, {-1, -1}};
    if (regcomp(&regex, pattern, REG_EXTENDED) != 0)
        return false;
    bool fits = regexec(&regex, text, 2, at, 0) == 0;
    regfree(&regex);
    if (fits && group_or_null != NULL)
        *group_or_null = at[1].rm_so < 0 ? text
                                         : arena_strndup(arena, text + at[1].rm_so,
                                                         (size_t)(at[1].rm_eo - at[1].rm_so));
    return fits;
}

/* JSON text of a value, shortened for a message. */
static const char *show(struct arena *arena, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text == NULL)
        return "?";
    const char *copy =
        strlen(text) > 300 ? arena_printf(arena, "%.300s…", text) : arena_strdup(arena, text);
    free(text);
    return copy;
}

static bool differ(struct matching *m, const char *expected, const json_t *got)
{
    buf_printf(m->why, "%s: expected %s, got %s", m->path[0] == '\0' ? "body" : m->path, expected,
               got == NULL ? "nothing" : show(m->variables->arena, got));
    return false;
}

/* What a hole catches: a string without quotes, anything else as JSON. */
static const char *text_of(struct arena *arena, const json_t *value)
{
    if (json_is_string(value))
        return arena_strdup(arena, json_string_value(value));
    return show(arena, value);
}

static bool is_text_like(struct arena *arena, const json_t *got, const char *pattern)
{
    return json_is_string(got) && match_regex(arena, pattern, json_string_value(got), NULL);
}

static bool fits_kind(struct arena *arena, const char *kind, const json_t *got)
{
    if (strcmp(kind, "any") == 0)
        return true;
    if (strcmp(kind, "null") == 0)
        return json_is_null(got);
    if (strcmp(kind, "int") == 0)
        return json_is_integer(got);
    if (strcmp(kind, "number") == 0)
        return json_is_number(got);
    if (strcmp(kind, "string") == 0)
        return json_is_string(got);
    if (strcmp(kind, "bool") == 0)
        return json_is_boolean(got);
    if (strcmp(kind, "time") == 0)
        return is_text_like(arena, got,
                            "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
                            "([+-][0-9]{2}:[0-9]{2}|Z)$");
    if (strcmp(kind, "localtime") == 0)
        return is_text_like(arena, got,
                            "^[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]$");
    return false;
}

static bool is_kind(const char *kind)
{
    static const char *const kinds[] = {"any",    "null", "int",  "number",
                                        "string", "bool", "time", "localtime"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* Splits "int|null:name" (a copy, changed) into kinds and a name. */
static const char *hole_name(char *inside)
{
    char *colon = strchr(inside, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

/* 1 fits, 0 does not, -1 is no hole but plain text. */
static int try_hole(struct matching *m, const char *text, const json_t *got)
{
    struct arena *arena = m->variables->arena;
    size_t len = strlen(text);
    if (len < 3 || text[0] != '<' || text[len - 1] != '>')
        return -1;
    char *inside = arena_strndup(arena, text + 1, len - 2);
    if (inside[0] == '~')
        return match_regex(arena, inside + 1, text_of(arena, got), NULL);
    const char *name = hole_name(inside);
    int fits = 0;
    char *rest = inside, *kind;
    while ((kind = strsep(&rest, "|")) != NULL) {
        if (!is_kind(kind))
            return -1;
        if (fits_kind(arena, kind, got))
            fits = 1;
    }
    if (fits && name != NULL)
        variable_set(m->variables, name, text_of(arena, got));
    return fits;
}

static bool match_value(struct matching *m, const json_t *want, const json_t *got);

/* Goes one step deeper; the path is put back afterwards. */
static bool match_below(struct matching *m, const char *step, const json_t *want, const json_t *got)
{
    size_t len = strlen(m->path);
    snprintf(m->path + len, sizeof m->path - len, "%s%s", len > 0 && step[0] != '[' ? "." : "",
             step);
    bool fits = match_value(m, want, got);
    if (fits)
        m->path[len] = '\0';
    return fits;
}

static bool match_object(struct matching *m, const json_t *want, const json_t *got)
{
    struct arena *arena = m->variables->arena;
    if (!json_is_object(got))
        return differ(m, "an object", got);
    void *end = NULL;
    for (void *at = json_object_iter((json_t *)(uintptr_t)want); at != end;
         at = json_object_iter_next((json_t *)(uintptr_t)want, at)) {
        const char *key = json_object_iter_key(at);
        if (strcmp(key, "...") != 0 &&
            !match_below(m, key, json_object_iter_value(at), json_object_get(got, key)))
            return false;
    }
    if (json_object_get(want, "...") != NULL)
        return true;
    for (void *at = json_object_iter((json_t *)(uintptr_t)got); at != end;
         at = json_object_iter_next((json_t *)(uintptr_t)got, at))
        if (json_object_get(want, json_object_iter_key(at)) == NULL)
            return differ(m, arena_printf(arena, "no key \"%s\"", json_object_iter_key(at)), got);
    return true;
}

static bool match_array(struct matching *m, const json_t *want, const json_t *got)
{
    if (!json_is_array(got))
        return differ(m, "an array", got);
    size_t n = json_array_size(want);
    const char *last = n == 0 ? NULL : json_string_value(json_array_get(want, n - 1));
    bool open = last != NULL && strcmp(last, "...") == 0;
    if (open)
        n--;
    for (size_t i = 0; i < n && i < json_array_size(got); i++)
        if (!match_below(m, arena_printf(m->variables->arena, "[%zu]", i), json_array_get(want, i),
                         json_array_get(got, i)))
            return false;
    if (json_array_size(got) < n || (json_array_size(got) > n && !open))
        return differ(m,
                      arena_printf(m->variables->arena, "%zu elements%s, not %zu", n,
                                   open ? " or more" : "", json_array_size(got)),
                      got);
    return true;
}

static bool match_value(struct matching *m, const json_t *want, const json_t *got)
{
    const char *text = json_string_value(want);
    int hole = text == NULL || got == NULL ? -1 : try_hole(m, text, got);
    if (hole == 1)
        return true;
    if (got == NULL || hole == 0)
        return differ(m, text != NULL ? text : show(m->variables->arena, want), got);
    if (json_is_object(want))
        return match_object(m, want, got);
    if (json_is_array(want))
        return match_array(m, want, got);
    bool same = json_equal(want, got) != 0;
    if (json_is_number(want) && json_is_number(got) &&
        !(json_is_integer(want) && json_is_integer(got))) {
        double apart = json_number_value(want) - json_number_value(got);
        same = apart <= 0 && apart >= 0;
    }
    return same || differ(m, show(m->variables->arena, want), got);
}

bool match_json(struct variables *variables, const json_t *want, const json_t *got, struct buf *why)
{
    struct matching m = {.variables = variables, .why = why};
    return match_value(&m, want, got);
}
