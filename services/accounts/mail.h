/*
 * mail.h - how one mail leaves: over SMTP, or as a file. The only home of libcurl here.
 */
#ifndef ACCOUNTS_MAIL_H
#define ACCOUNTS_MAIL_H

#include "common/buf.h"

struct mail {
    const char *id; /* of its row: makes Message-ID and file name the same at every try */
    const char *address, *subject, *body;
    int64_t created_ms;
};

/* The whole message, lines ended by CRLF. from: "no-reply@host". Header values are encoded (RFC
   2047) and cannot add headers. Pure. */
void mail_write(struct buf *out, const struct mail *mail, const char *from);
/* Host part of a URL; "localhost" when there is none. Pure. */
const char *mail_host(struct arena *arena, const char *url_or_null);
/* NULL when it left; else the reason. */
const char *mail_deliver(struct arena *arena, const struct mail *mail);

#endif
