#include "gateway/docs.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/log.h"

enum { FILE_MAX = 8 << 20, TAG_BYTES = 36, ARENA_BYTES = 1 << 16 };

/* Nothing inline, nothing evaluated, nothing from elsewhere. The viewer's icons are data: images.
 */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
                             "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";
static const char small_page[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Bureau API</title>\n"
    "<h1>Bureau API</h1>\n<p>Everything served here is described in "
    "<a href=\"/api/openapi.json\">the OpenAPI document</a>.</p>\n"
    "<p>The interactive reference is missing: npm or the registry was out of reach when this was "
    "built.</p></html>\n";

/* One file in both forms; data NULL: it is not there. */
struct form {
    struct slice text;
    char tag[TAG_BYTES]; /* quoted */
};
static struct file {
    const char *path, *name, *type;
    struct form plain, packed;
} files[] = {
    {.path = "/docs", .name = "index.html", .type = "text/html; charset=utf-8"},
    {.path = "/docs/start.js", .name = "start.js", .type = "text/javascript; charset=utf-8"},
    {.path = "/docs/page.css", .name = "page.css", .type = "text/css; charset=utf-8"},
    {.path = "/docs/swagger-ui.css", .name = "swagger-ui.css", .type = "text/css; charset=utf-8"},
    {.path = "/docs/swagger-ui-bundle.js",
     .name = "swagger-ui-bundle.js",
     .type = "text/javascript; charset=utf-8"},
};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct arena *kept; /* the files, as long as the process */

static void set_form(struct form *form, const char *data, size_t len)
{
    char hex[65];
    crypto_sha256_hex(data, len, hex);
    form->text = (struct slice){data, len};
    snprintf(form->tag, sizeof form->tag, "\"%.32s\"", hex);
}

/* Leaves the form empty when the file is not there or has no decent size. */
static void read_form(struct form *form, const char *dir, const char *name, const char *ending)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s%s", dir, name, ending);
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return;
    long size = fseek(in, 0, SEEK_END) == 0 ? ftell(in) : -1;
    rewind(in);
    if (size > 0 && size <= FILE_MAX) {
        char *data = arena_alloc(kept, (size_t)size);
        if (fread(data, 1, (size_t)size, in) == (size_t)size)
            set_form(form, data, (size_t)size);
    }
    fclose(in);
}

/* share/docs beside the program's bin/. */
static void find_dir(char dir[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 32);
    self[len > 0 ? len : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(self, '/') != NULL; up++)
        *strrchr(self, '/') = '\0';
    snprintf(dir, PATH_MAX, "%.*s/share/docs", PATH_MAX - 32, self);
}

static void load(void)
{
    char dir[PATH_MAX];
    bool whole = true;
    kept = arena_new(ARENA_BYTES);
    find_dir(dir);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        read_form(&files[i].plain, dir, files[i].name, "");
        read_form(&files[i].packed, dir, files[i].name, ".gz");
        whole = whole && files[i].plain.text.data != NULL;
    }
    if (whole)
        return;
    log_event(LOG_INFO, "docs_viewer_missing", NULL, "directory", dir, NULL);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        files[i].plain = files[i].packed = (struct form){.text = {NULL, 0}};
    set_form(&files[0].plain, small_page, sizeof small_page - 1);
}

static bool takes_gzip(const struct exchange *x)
{
    const char *takes = exchange_header(x, "Accept-Encoding");
    const char *at = takes == NULL ? NULL : strstr(takes, "gzip");
    return at != NULL && strncmp(at + 4, ";q=0", 4) != 0;
}

static void put_headers(struct exchange *x, const struct form *form, bool packed)
{
    const struct pair headers[] = {
        {"Content-Security-Policy", policy}, {"ETag", form->tag},
        {"Cache-Control", "no-cache"}, /* asked for again each time, sent again only when changed */
        {"Vary", "Accept-Encoding"},         {packed ? "Content-Encoding" : NULL, "gzip"},
    };
    memcpy(x->reply.headers, headers, sizeof headers);
}

void docs_answer(struct exchange *x, struct buf *out)
{
    const struct file *file = NULL;
    (void)out;
    (void)pthread_once(&once, load);
    for (size_t i = 0; file == NULL && i < COUNT_OF(files); i++)
        if (strcmp(files[i].path, x->path) == 0)
            file = &files[i];
    x->counted = true;
    if (file == NULL || file->plain.text.data == NULL) {
        (void)exchange_fail(x, ERR_NO_ROUTE, NULL);
        return;
    }
    bool packed = file->packed.text.data != NULL && takes_gzip(x);
    const struct form *form = packed ? &file->packed : &file->plain;
    const char *known = exchange_header(x, "If-None-Match");
    put_headers(x, form, packed);
    x->reply.json = form->text;
    x->reply.type = file->type;
    x->reply.status = known != NULL && strstr(known, form->tag) != NULL ? 304 : 200;
}
