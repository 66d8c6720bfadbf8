/*
 * envelope_members.h - one table a struct says key, kind and place of each member; envelope_write.c
 * and envelope_read.c walk it, nobody else includes it. A member at its zero value is left out.
 * Unknown keys are skipped, so that a newer peer may add some within a version; everything else
 * that is off is refused.
 */
#ifndef PROTO_ENVELOPE_MEMBERS_H
#define PROTO_ENVELOPE_MEMBERS_H

#include "proto/envelope.h"

enum member_kind {
    TEXT,
    SURE_TEXT,
    INT64,
    UINT32,
    INT,
    BOOL,
    BYTES,
    ERROR,
    ROLE,
    TEXTS,
    QUERY,
    CALLER,
    FAULTS,
    RULE_NO,
    PAGE,
    HEADERS
};

struct member {
    char key[2];
    enum member_kind kind;
    size_t at;
    uint32_t n; /* TEXTS: how many */
};

enum {
    BATCH_MAX = 4096,
    QUERY_MAX = 256,
    FAULTS_MAX = 2000,
    HEADERS_MAX = COUNT_OF(((struct reply *)0)->headers),
    RULES_N = 0
#define RULE(name, laravel, robert_en, robert_fr) +1
#include "proto/rules.def"
#undef RULE
};

extern const struct member envelope_caller[], envelope_request[], envelope_fault[], envelope_page[],
    envelope_reply[];

#endif
