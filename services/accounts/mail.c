/* mail.c - SMTP by libcurl, or a file where no server is set; and the queue's background thread. */
#include "services/accounts/mail.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/stop.h"
#include "services/accounts/hooks.h"
#include "services/core/service.h"

enum { SMTP_MS = 30000, CLAIM_MS = 60000, IDLE_MS = 15000, SWEEP_EVERY = 40 };

/* ---- files ---- */

static bool write_whole(int fd, const struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(fd, text->data + at, text->len - at);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* Under a name of its own first: a reader never sees half a mail, and a second try of the same row
   writes the same file. */
static const char *save(struct arena *arena, const struct mail *mail, const struct buf *text)
{
    const char *dir = arena_printf(arena, "%s/mail", service_settings.data);
    const char *path = arena_printf(arena, "%s/%s.eml", dir, mail->id);
    const char *draft = arena_printf(arena, "%s/.%s.%ld", dir, mail->id, (long)getpid());
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return arena_printf(arena, "cannot make %s: %s", dir, strerror(errno));
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return arena_printf(arena, "cannot write %s: %s", draft, strerror(errno));
    bool good = write_whole(fd, text);
    good = close(fd) == 0 && good;
    if (good && rename(draft, path) == 0)
        return NULL;
    const char *reason = arena_printf(arena, "cannot write %s: %s", path, strerror(errno));
    unlink(draft);
    return reason;
}

/* ---- SMTP ---- */

struct upload {
    const char *data;
    size_t left;
};

static size_t feed(char *out, size_t size, size_t n, void *what)
{
    struct upload *upload = what;
    size_t len = size * n < upload->left ? size * n : upload->left;
    memcpy(out, upload->data, len);
    upload->data += len;
    upload->left -= len;
    return len;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static void prepare(CURL *curl, const char *host, const char *from, struct curl_slist *to,
                    struct upload *upload)
{
    curl_easy_setopt(curl, CURLOPT_URL, service_settings.smtp_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    /* A password and a reset link may not cross a network in the clear. */
    curl_easy_setopt(curl, CURLOPT_USE_SSL,
                     (long)(is_loopback(host) ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, feed);
    curl_easy_setopt(curl, CURLOPT_READDATA, upload);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SMTP_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
}

static const char *send_smtp(struct arena *arena, const struct mail *mail, const char *from,
                             const struct buf *text)
{
    const char *host = mail_host(arena, service_settings.smtp_url);
    struct upload upload = {text->data, text->len};
    char reason[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    struct curl_slist *to = curl_slist_append(NULL, mail->address);
    if (curl == NULL || to == NULL)
        return "libcurl cannot be started";
    prepare(curl, host, arena_printf(arena, "<%s>", from), to, &upload);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(to);
    curl_easy_cleanup(curl);
    if (code == CURLE_OK)
        return NULL;
    return arena_strdup(arena, reason[0] != '\0' ? reason : curl_easy_strerror(code));
}

const char *mail_deliver(struct arena *arena, const struct mail *mail)
{
    const char *host = mail_host(arena, service_settings.public_url);
    const char *from = arena_printf(arena, "no-reply@%s", host);
    struct buf text;
    buf_init(&text, arena);
    mail_write(&text, mail, from);
    bool smtp = service_settings.smtp_url != NULL && service_settings.smtp_url[0] != '\0';
    return smtp ? send_smtp(arena, mail, from, &text) : save(arena, mail, &text);
}

/* ---- the queue ---- */

static enum err run(struct pg *pg, struct arena *arena, struct sql *sql, struct pg_result **out)
{
    struct pg_fault fault = {0};
    enum err err = pg_run(pg, arena, sql, out, &fault);
    if (err != ERR_OK)
        log_event(LOG_WARN, "mail_queue_failed", NULL, "sqlstate", fault.sqlstate, "message",
                  fault.message, NULL);
    return err;
}

/* The next mail that is due. Its row stays locked until the outcome is committed: nobody else
   sends it meanwhile, and when this process dies it is free again. */
static bool claim(struct pg *pg, struct arena *arena, struct mail *mail)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT id, address, subject, body,"
                   " (extract(epoch FROM created_at) * 1000)::bigint FROM accounts.mail"
                   " WHERE sent_at IS NULL AND body IS NOT NULL AND next_try_at <= now()"
                   " ORDER BY next_try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED");
    if (run(pg, arena, &sql, &rows) != ERR_OK || pg_rows(rows) == 0)
        return false;
    *mail = (struct mail){pg_text(rows, 0, 0), pg_text(rows, 0, 1), pg_text(rows, 0, 2),
                          pg_text(rows, 0, 3), pg_int(rows, 0, 4)};
    return true;
}

/* Left: its text, which may hold a secret, is dropped. Failed: again after 10 s, 20 s, … at most
   an hour, for as long as it takes. */
static enum err settle(struct pg *pg, struct arena *arena, const struct mail *mail,
                       const char *reason)
{
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault = {0};
    sql_init(&sql, arena);
    int id = sql_bind(&sql, mail->id), why = sql_bind(&sql, reason);
    sql_printf(&sql,
               "UPDATE accounts.mail SET tries = tries + 1, error = $%d::text,"
               " sent_at = CASE WHEN $%d::text IS NULL THEN clock_timestamp() END,"
               " body = CASE WHEN $%d::text IS NULL THEN NULL ELSE body END,"
               " next_try_at = clock_timestamp() + least(3600, 10 * 2 ^ least(tries, 9))"
               " * interval '1 second' WHERE id = $%d::bigint",
               why, why, why, id);
    enum err err = run(pg, arena, &sql, &rows);
    return err == ERR_OK ? pg_commit(pg, &fault) : err;
}

/* false: nothing was due, or the database is away. */
static bool send_next(struct pg *pg, struct arena *arena)
{
    struct mail mail;
    if (pg_begin(pg, 0, 0, CLAIM_MS) != ERR_OK)
        return false;
    if (!claim(pg, arena, &mail)) {
        pg_rollback(pg);
        return false;
    }
    const char *reason = mail_deliver(arena, &mail);
    metrics_count("bureau_mails_total", "Mails sent or failed.",
                  reason == NULL ? "outcome=\"sent\"" : "outcome=\"failed\"", 1);
    if (reason != NULL)
        log_event(LOG_WARN, "mail_failed", NULL, "#mail", mail.id, "reason", reason, NULL);
    if (settle(pg, arena, &mail, reason) == ERR_OK)
        return true;
    pg_rollback(pg);
    return false;
}

static void say(struct pg *pg, struct arena *arena, const char *statement)
{
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault = {0};
    sql_init(&sql, arena);
    sql_puts(&sql, statement);
    if (pg_begin(pg, 0, 0, CLAIM_MS) != ERR_OK)
        return;
    if (run(pg, arena, &sql, &rows) != ERR_OK || pg_commit(pg, &fault) != ERR_OK)
        pg_rollback(pg);
}

void mail_background(struct pg *pg)
{
    struct arena *arena = arena_new(1 << 16);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (unsigned round = 0; !stop_asked(); round++) {
        say(pg, arena, "LISTEN accounts_mail"); /* again: the connection may be a new one */
        if (round % SWEEP_EVERY == 0)
            say(pg, arena, "SELECT accounts.sweep()");
        while (!stop_asked() && send_next(pg, arena))
            arena_reset(arena);
        arena_reset(arena);
        (void)pg_wait_notify(pg, IDLE_MS);
    }
    arena_destroy(arena);
}
