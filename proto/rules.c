#include "proto/rules.h"

#include <string.h>
#include <strings.h>

static const char *const words[][3] = {
#define RULE(name, laravel, robert_en, robert_fr) {laravel, robert_en, robert_fr},
#include "proto/rules.def"
#undef RULE
};

/* "client_id" reads as "client id"; the last part of "tags.0" stays as it is. */
static void put_label(struct buf *out, const struct fault *fault)
{
    for (const char *c = fault->label != NULL ? fault->label : fault->field; *c != '\0'; c++)
        buf_putc(out, *c == '_' ? ' ' : *c);
}

/* The Robert dialect begins with the field's name, first letter raised: "Identifier must …". */
static void put_name(struct buf *out, const struct fault *fault)
{
    size_t at = out->len;
    put_label(out, fault);
    if (at < out->len && out->data[at] >= 'a' && out->data[at] <= 'z')
        out->data[at] = (char)(out->data[at] - 'a' + 'A');
}

static void put_text(struct buf *out, const char *text_or_null)
{
    if (text_or_null != NULL)
        buf_puts(out, text_or_null);
}

void rule_say(struct buf *out, const struct fault *fault, enum dialect dialect,
              enum language language)
{
    const char *text = words[fault->rule][dialect == DIALECT_LARAVEL ? 0
                                          : language == LANGUAGE_FR ? 2
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
            put_name(out, fault);
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

enum language language_of(const char *accept)
{
    int best = 0;
    enum language language = LANGUAGE_EN;
    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, " ,\t");
        size_t len = strcspn(accept, ",");
        bool fr = strncasecmp(accept, "fr", 2) == 0, en = strncasecmp(accept, "en", 2) == 0;
        int weight = fr || en ? weight_of(accept, len) : 0;
        if (weight > best) {
            best = weight;
            language = fr ? LANGUAGE_FR : LANGUAGE_EN;
        }
        accept += len;
    }
    return language;
}
