/*
 * rules.h - what can be wrong with a field, and its words in each dialect and language. A fault
 * travels as (field, rule, a, b); words are made at the gateway from rules.def.
 */
#ifndef PROTO_RULES_H
#define PROTO_RULES_H

#include "common/buf.h"
#include "proto/resource.h"

/* RULE(name, laravel, robert en, robert fr); {label} {name} {a} {b} are replaced. */
enum rule {
#define RULE(name, laravel, robert_en, robert_fr) RULE_##name,
#include "proto/rules.def"
#undef RULE
};

enum language { LANGUAGE_EN, LANGUAGE_FR };

struct fault {
    const char *field; /* "" for the whole body; "tags.0" for members */
    enum rule rule;
    const char *a, *b; /* arguments, or NULL. RULE_SAID: a is the whole text (text_in) */
    const char *label; /* or NULL: from the name */
    struct fault *next;
};

/* Appends the words. */
void rule_say(struct buf *out, const struct fault *fault, enum dialect dialect,
              enum language language);
/* A text of a service may be in two languages: "English" IN_FRENCH("French"). */
#define IN_FRENCH(text) "\x1f" text
/* The one to be said: French is for document 003's dialect alone. */
const char *text_in(struct arena *arena, const char *text, enum dialect dialect,
                    enum language language) MUST_USE;
/* Best of Accept-Language; unknown languages are English. */
enum language language_of(const char *accept_language_or_null);

#endif
