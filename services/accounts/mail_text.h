/* mail_text.h - what is written in mails, in English, French and Dutch. Pure. */
#ifndef ACCOUNTS_MAIL_TEXT_H
#define ACCOUNTS_MAIL_TEXT_H

#include "common/arena.h"

struct mail_text {
    const char *subject, *body;
};

/* language: "EN", "FR" or "NL" (others are English), also of the page the link opens. */
struct mail_text mail_reset(struct arena *arena, const char *language, const char *base,
                            const char *email, const char *token, int64_t minutes);
struct mail_text mail_invitation(struct arena *arena, const char *language, const char *base,
                                 const char *organization, const char *by, const char *token);

#endif
