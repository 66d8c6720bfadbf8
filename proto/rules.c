#include "proto/rules.h"

#include <string.h>
#include <strings.h>

static const char *const words[][3] = {
#define RULE(name, laravel, robert_en, robert_fr) {laravel, robert_en, robert_fr},
#include "proto/rules.def"
#undef RULE
};

static const char *field_of(const struct fault *fault)
{
    return *fault->field == '\0' ? "body" : fault->field;
}

/* Laravel: "client_id" reads as "client id"; "tags.0" stays as it is. */
static void put_label(struct buf *out, const struct fault *fault)
{
    for (const char *c = fault->label != NULL ? fault->label : field_of(fault); *c != '\0'; c++)
        buf_putc(out, *c == '_' ? ' ' : *c);
}

static void put_text(struct buf *out, const char *text_or_null)
{
    if (text_or_null != NULL)
        buf_puts(out, text_or_null);
}

const char *text_in(struct arena *arena, const char *text, enum dialect dialect,
                    enum language language)
{
    const char *french = strchr(text, IN_FRENCH("")[0]);
    if (french == NULL)
        return text;
    return dialect == DIALECT_ROBERT && language == LANGUAGE_FR
               ? french + 1
               : arena_strndup(arena, text, (size_t)(french - text));
}

void rule_say(struct buf *out, const struct fault *fault, enum dialect dialect,
              enum language language)
{
    const char *text = words[fault->rule][dialect == DIALECT_LARAVEL ? 0
                                          : language == LANGUAGE_FR  ? 2
                                                                     : 1];
    while (*text != '\0') {
        const char *brace = strchr(text, '{');
        if (brace == NULL) {
            buf_puts(out, text);
            return;
        }
        buf_put(out, text, (size_t)(brace - text));
        const char *end = strchr(brace, '}');
        if (strncmp(brace, "{label}", 7) == 0)
            put_label(out, fault);
        else if (strncmp(brace, "{name}", 6) == 0)
            buf_puts(out, field_of(fault)); /* Robert: the key as it stands in the body */
        else if (fault->rule == RULE_SAID && fault->a != NULL)
            buf_puts(out, text_in(out->arena, fault->a, dialect, language));
        else
            put_text(out, brace[1] == 'a' ? fault->a : fault->b);
        text = end + 1;
    }
}

/* Weight of a language range in thousandths: ";q=0.8" is 800, absent is 1000. */
static int weight_of(const char *range, size_t len)
{
    const char *q = memmem(range, len, "q=", 2);
    if (q == NULL)
        return 1000;
    int weight = 0, unit = 1000;
    for (q += 2; q < range + len && ((*q >= '0' && *q <= '9') || *q == '.'); q++)
        if (*q != '.') {
            weight += (*q - '0') * unit;
            unit /= 10;
        }
    return weight;
}

/* "fr" and "fr-CA" are French, "fra" is another language. */
static bool is_language(const char *range, const char *tag)
{
    return strncasecmp(range, tag, 2) == 0 && strchr("-; ,\t", range[2]) != NULL;
}

enum language language_of(const char *accept)
{
    int best = 0;
    enum language language = LANGUAGE_EN;
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, " ,\t");
        size_t len = strcspn(accept, ",");
        bool fr = is_language(accept, "fr"), en = is_language(accept, "en");
        int weight = fr || en ? weight_of(accept, len) : 0;
        if (weight > best) {
            best = weight;
            language = fr ? LANGUAGE_FR : LANGUAGE_EN;
        }
        accept += len;
    }
    return language;
}
