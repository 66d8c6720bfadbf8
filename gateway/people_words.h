/* people_words.h - what people.c says, by language. No text holds < > & or a double quote. */
#ifndef GATEWAY_PEOPLE_WORDS_H
#define GATEWAY_PEOPLE_WORDS_H

struct people_words {
    const char *tag; /* of the language */
    const char *reset_title, *reset_button, *reset_done;
    const char *join_title, *join_about, *join_button, *join_done; /* {by} {to} */
    const char *email, *password, *new_password, *again, *is_new, *pseudo;
    const char *differ, *weak, *pseudo_bad, *wrong, *lost, *wait, *failed, *script;
};

extern const struct people_words people_words[3]; /* en, fr, nl */

#endif
