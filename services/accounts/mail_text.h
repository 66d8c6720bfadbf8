/* mail_text.h - what is written in mails, in English and French. Pure. */
#ifndef ACCOUNTS_MAIL_TEXT_H
#define ACCOUNTS_MAIL_TEXT_H

#include "common/arena.h"

struct mail_text {
    const char *subject, *body;
};

struct mail_text mail_reset(struct arena *arena, bool french, const char *base, const char *email,
                            const char *token, int64_t minutes);
struct mail_text mail_invitation(struct arena *arena, bool french, const char *base,
                                 const char *organization, const char *by, const char *token);

#endif
