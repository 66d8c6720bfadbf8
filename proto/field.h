/* field.h - the smallest part of a resource's table: one field, its type and its rules. */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include "common/base.h"

enum dialect { DIALECT_LARAVEL, DIALECT_ROBERT };

/* Ordered: a higher role may do what a lower one may. ROLE_NONE: not a member. */
enum role { ROLE_NONE, ROLE_VISITOR, ROLE_USER, ROLE_MEMBER, ROLE_MANAGER, ROLE_ADMIN, ROLE_OWNER };

enum field_type {
    F_ID,      /* bigint, read only */
    F_INT,     /* bigint; min and max bound the value */
    F_DECIMAL, /* numeric; never a double. min/max in whole units; .scale decimals */
    F_BOOL,
    F_TEXT, /* min/max bound the characters (code points) */
    F_EMAIL,
    F_PHONE,
    F_URL,
    F_COLOR, /* #RGB or #RRGGBB */
    F_DATE,
    F_TIME, /* an instant; text without offset is in the caller's zone */
    F_ENUM,
    F_REF,      /* id of a row of .ref in the same organization */
    F_ZONE,     /* IANA time zone name */
    F_JSON,     /* stored as it is: jsonb */
    F_LIST,     /* handed to the hook as msgpack; no column (materials, tags). With .ref: one id */
    F_COMPUTED, /* .sql gives the value; read only */
};

enum {
    REQUIRED = 1 << 0,
    READONLY = 1 << 1,
    WRITEONLY = 1 << 2,
    FILTER = 1 << 3, /* filter[name]=a,b */
    SORT = 1 << 4,
    SEARCH = 1 << 5, /* part of filter[search] / search */
    UNIQUE = 1 << 6,
    NOT_NULL = 1 << 7,    /* has a default: null is the default on create, a fault on update */
    RANGE = 1 << 8,       /* filter[name][gte|lte]= */
    HIDDEN_LIST = 1 << 9, /* shown by get, create, update; not in lists */
    SEARCH_BY = 1 << 10,  /* Robert: allowed in searchBy (SEARCH ones are as well) */
    HIDDEN = 1 << 11,     /* never shown; still writable, filterable */
    EXACT = 1 << 12,      /* F_TEXT: not trimmed, "" not turned into null (passwords) */
};

/* Character classes of the Robert dialect; messages differ, see rules.def. */
enum chars {
    CHARS_ANY,
    CHARS_ALPHA,
    CHARS_ALNUM,
    CHARS_REFERENCE,
    CHARS_SERIAL,
    CHARS_NAME /* letters and digits of any script, spaces, -_.'’,&/(): RULE_ALPHA */
};

struct field {
    const char *name; /* JSON key */
    enum field_type type;
    unsigned flags;
    int64_t min, max;          /* 0, 0: unbounded */
    const char *const *values; /* F_ENUM: NULL-terminated */
    const char *def;           /* default as text, NULL: column default */
    const char *ref;           /* F_REF: resource name */
    const char *column;        /* when not the name */
    const char *sql;           /* expression over alias t; F_COMPUTED, or how F_* is shown */
    const char *sort_sql;      /* how it sorts when not by its column (rank of an enum) */
    enum chars chars;
    int scale;         /* F_DECIMAL */
    const char *label; /* in messages; default: name with spaces for underscores */
    bool as_text;      /* F_DECIMAL shown as a JSON string ("1234.50") */
};

#endif
