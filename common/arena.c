#include "common/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *what);
    void *what;
};

struct arena {
    struct block *first, *current;
    struct deferred *deferred;
    size_t block_bytes;
};

static struct block *block_new(size_t size)
{
    struct block *block = size > SIZE_MAX / 2 ? NULL : malloc(sizeof(*block) + size);
    if (block == NULL)
        abort(); /* the supervisor starts another process; see arena.h */
    block->next = NULL;
    block->used = 0;
    block->size = size;
    return block;
}

struct arena *arena_new(size_t block_bytes)
{
    struct arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        abort();
    arena->block_bytes = block_bytes;
    arena->first = arena->current = block_new(block_bytes);
    return arena;
}

void arena_reset(struct arena *arena)
{
    while (arena->deferred != NULL) {
        struct deferred *last = arena->deferred;
        arena->deferred = last->next;
        last->release(last->what);
    }
    struct block *block = arena->first->next;
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    arena->first->next = NULL;
    arena->first->used = 0;
    arena->current = arena->first;
}

void arena_destroy(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    free(arena->first);
    free(arena);
}

/* A new block behind the current one. What is larger than a block gets one of its own, and the
   room left in the current one stays in use. */
static struct block *more(struct arena *arena, size_t need)
{
    bool large = need > arena->block_bytes;
    struct block *block = block_new(large ? need : arena->block_bytes);
    block->next = arena->current->next;
    arena->current->next = block;
    if (!large)
        arena->current = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    size_t align = _Alignof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        abort();
    size_t need = (bytes + align - 1) & ~(align - 1);
    struct block *block = arena->current;
    if (block->size - block->used < need)
        block = more(arena, need);
    void *memory = block->data + block->used;
    block->used += need;
    return memset(memory, 0, bytes);
}

char *arena_strndup(struct arena *arena, const char *data, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    size_t size = (len > 0 ? (size_t)len : 0) + 1;
    char *text = arena_alloc(arena, size);
    vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_defer(struct arena *arena, void (*release)(void *what), void *what)
{
    struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));
    *deferred = (struct deferred){arena->deferred, release, what};
    arena->deferred = deferred;
}
