#include "gateway/people.h"

#include <string.h>
#include <strings.h>

#include "gateway/people_assets.h"
#include "gateway/people_words.h"

/* Nothing inline, nothing from elsewhere; only the script sends the form. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

static const struct people_words *words_for(const struct exchange *x)
{
    const char *accept = exchange_header(x, "Accept-Language");
    const char *wanted = x->language == LANGUAGE_FR                            ? "fr"
                         : accept != NULL && strncasecmp(accept, "nl", 2) == 0 ? "nl"
                                                                               : "en";
    for (size_t i = 0; i < x->query_n; i++)
        if (strcmp(x->query[i].name, "lang") == 0)
            wanted = x->query[i].value;
    for (size_t i = 0; i < COUNT_OF(people_words); i++)
        if (strcasecmp(people_words[i].tag, wanted) == 0)
            return &people_words[i];
    return &people_words[0];
}

/* Paths are relative: the product may lie below a path of its host. */
static void put_start(struct buf *out, const struct people_words *w, const char *title,
                      const char *done)
{
    buf_printf(out,
               "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
               "<title>%s</title><link rel=\"stylesheet\" href=\"people/page.css\">"
               "<link rel=\"icon\" href=\"data:,\"><script src=\"people/page.js\" defer></script>"
               "</head>\n",
               w->tag, title);
    buf_printf(out,
               "<body data-differ=\"%s\" data-weak=\"%s\" data-pseudo=\"%s\" data-wrong=\"%s\""
               " data-lost=\"%s\" data-wait=\"%s\" data-failed=\"%s\" data-about=\"%s\""
               " data-done=\"%s\">\n",
               w->differ, w->weak, w->pseudo_bad, w->wrong, w->lost, w->wait, w->failed,
               w->join_about, done);
    buf_printf(out,
               "<main><h1>%s</h1><p id=\"about\"></p><noscript>%s</noscript>"
               "<form method=\"post\">\n",
               title, w->script);
}

static void put_input(struct buf *out, const char *label, const char *name, const char *rest)
{
    buf_printf(out, "<label>%s<input name=\"%s\" %s></label>\n", label, name, rest);
}

static void put_end(struct buf *out, const char *button)
{
    buf_printf(out,
               "<button>%s</button></form><p id=\"said\" role=\"status\"></p></main></body>"
               "</html>\n",
               button);
}

static const char secret[] = "type=\"password\" autocomplete=\"new-password\" maxlength=\"255\" ";

static void put_reset(struct buf *out, const struct people_words *w)
{
    put_start(out, w, w->reset_title, w->reset_done);
    put_input(out, w->email, "email", "type=\"email\" autocomplete=\"username\" required");
    buf_printf(out, "<label>%s<input name=\"password\" %srequired></label>\n", w->new_password,
               secret);
    buf_printf(out, "<label>%s<input name=\"again\" %srequired></label>\n", w->again, secret);
    put_end(out, w->reset_button);
}

static void put_invitation(struct buf *out, const struct people_words *w)
{
    put_start(out, w, w->join_title, w->join_done);
    put_input(out, w->email, "email", "type=\"email\" autocomplete=\"username\" readonly");
    buf_printf(out, "<label><input name=\"new\" type=\"checkbox\">%s</label>\n", w->is_new);
    put_input(out, w->pseudo, "pseudo", "autocomplete=\"nickname\" maxlength=\"100\"");
    put_input(out, w->password, "password",
              "type=\"password\" autocomplete=\"current-password\" maxlength=\"255\" required");
    buf_printf(out, "<label>%s<input name=\"again\" %s></label>\n", w->again, secret);
    put_end(out, w->join_button);
}

void people_answer(struct exchange *x, struct buf *out)
{
    const char *type = "text/html; charset=utf-8";
    if (strcmp(x->path, "/reset-password") == 0) {
        put_reset(out, words_for(x));
    } else if (strcmp(x->path, "/invitation") == 0) {
        put_invitation(out, words_for(x));
    } else if (strcmp(x->path, "/people/page.js") == 0) {
        buf_puts(out, people_js);
        type = "text/javascript; charset=utf-8";
    } else {
        buf_puts(out, people_css);
        type = "text/css; charset=utf-8";
    }
    /* The address holds a secret: neither pages nor anything about them are kept. */
    x->reply.headers[0] = (struct pair){"Content-Security-Policy", policy};
    x->reply.headers[1] = (struct pair){"Cache-Control", "no-store"};
    x->reply.json = (struct slice){out->data, out->len};
    x->reply.type = type;
    x->counted = true;
}
