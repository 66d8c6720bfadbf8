/* Statements prepared by their text, kept a connection, and sent. */
#include <stdio.h>
#include <string.h>

#include "services/core/pg_internal.h"

static void forget(struct statement *statement)
{
    arena_destroy(statement->memory);
    *statement = (struct statement){0};
}

void pg_forget_statements(struct pg *pg)
{
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < WAYS; j++)
            forget(&pg->statements[i][j]);
}

void pg_forget_id(struct pg *pg, unsigned id)
{
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < WAYS; j++)
            if (pg->statements[i][j].id == id)
                forget(&pg->statements[i][j]);
}

static uint64_t hash_of(const char *text, size_t len)
{
    uint64_t hash = 0x9e3779b97f4a7c15U ^ len, word;
    for (; len >= 8; len -= 8, text += 8) {
        memcpy(&word, text, 8);
        hash = (hash ^ word) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
    }
    for (; len > 0; len--, text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211U;
    return hash ^ hash >> 29;
}

void pg_expect(struct pg *pg, enum step_kind kind, unsigned id, struct pg_item *item)
{
    pg->steps[pg->steps_n++] = (struct step){kind, id, item};
}

bool pg_sent(struct pg *pg, int ok)
{
    if (ok == 0)
        pg_lose(pg, "cannot queue");
    return ok != 0;
}

bool pg_send_plain(struct pg *pg, const char *text, struct pg_item *item)
{
    pg_expect(pg, STEP_DISCARD, 0, item);
    return pg_sent(pg, PQsendQueryParams(pg->conn, text, 0, NULL, NULL, NULL, NULL, 0));
}

/* The way of a set that holds the text, or else the one to put it in. */
static struct statement *way_of(struct statement set[WAYS], uint64_t hash, const char *text,
                                size_t len)
{
    struct statement *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        struct statement *s = &set[i];
        if (s->id != 0 && s->hash == hash && s->len == len && memcmp(s->text, text, len) == 0)
            return s;
        if (s->used < oldest->used)
            oldest = s;
    }
    if (oldest->id != 0 && oldest->hash == hash && oldest->len == len)
        oldest->hash = ~hash; /* a different text with the same hash: it must go */
    return oldest;
}

/* The id of the prepared statement with this text; asks for its Parse when it is new. 0: lost. */
static unsigned prepared(struct pg *pg, const char *text, size_t len, struct pg_item *item)
{
    char name[32];
    uint64_t hash = hash_of(text, len);
    struct statement *s = way_of(pg->statements[hash % SETS], hash, text, len);
    s->used = ++pg->uses;
    if (s->id != 0 && s->hash == hash && s->len == len)
        return s->id;
    if (s->id != 0) {
        snprintf(name, sizeof name, "DEALLOCATE s%u", s->id);
        if (!pg_send_plain(pg, name, item))
            return 0;
        forget(s);
    }
    s->memory = arena_new(len + 32);
    s->text = arena_strndup(s->memory, text, len);
    s->len = len;
    s->hash = hash;
    s->used = pg->uses;
    s->id = ++pg->last_id;
    snprintf(name, sizeof name, "s%u", s->id);
    pg_expect(pg, STEP_PREPARE, s->id, item);
    return pg_sent(pg, PQsendPrepare(pg->conn, name, s->text, 0, NULL)) ? s->id : 0;
}

bool pg_queue(struct pg *pg, const struct pg_words *w, enum step_kind kind, struct pg_item *item)
{
    char name[16];
    if (pg->pooled || w->planned_anew) {
        pg_expect(pg, kind, 0, item);
        return pg_sent(pg,
                       PQsendQueryParams(pg->conn, w->text, w->n, NULL, w->params, NULL, NULL, 0));
    }
    unsigned id = prepared(pg, w->text, w->len, item);
    if (id == 0)
        return false;
    snprintf(name, sizeof name, "s%u", id);
    pg_expect(pg, kind, 0, item);
    return pg_sent(pg, PQsendQueryPrepared(pg->conn, name, w->n, w->params, NULL, NULL, 0));
}
