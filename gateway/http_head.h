/*
 * http_head.h - the head of an HTTP/1.x request, read strictly from its bytes. Pure: no I/O.
 *
 * What two readers could understand in two ways is refused here, before anything else sees it:
 * bare LF or CR, folded lines, space before a colon, control bytes, Content-Length beside
 * Transfer-Encoding, doubled or unreadable lengths, doubled Host or credentials. Source: RFC 9112.
 */
#ifndef GATEWAY_HTTP_HEAD_H
#define GATEWAY_HTTP_HEAD_H

#include "common/base.h"

enum { HTTP_HEADERS_MAX = 64, HTTP_HEAD_MAX = 16384 };

struct http_header {
    struct slice name, value; /* value without surrounding blanks */
};

/* Slices point into the bytes that were read. */
struct http_head {
    struct slice verb, target; /* target: path and query; "?query" alone when the path is empty */
    struct slice authority;    /* of a target in absolute form: it stands for Host; else len 0 */
    bool http11, keep_alive, chunked, expects_continue;
    int64_t content_length; /* -1: none */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t headers_n;
    size_t bytes; /* of the head, with its empty line */
};

/* 0: read; -1: the head is not complete; else the HTTP status it is refused with, and why. */
int http_head_read(struct slice bytes, struct http_head *head, const char **why) MUST_USE;

/* Value of the first header of that name (case ignored), or {NULL, 0}. */
struct slice http_header_find(const struct http_head *head, const char *name);

/* Takes the chunks of a body apart, in place and as far as the bytes reach. */
struct chunks {
    size_t at;         /* next byte to read */
    size_t out;        /* where decoded bytes end */
    size_t left;       /* of the open chunk */
    size_t start, max; /* where decoded bytes begin, and how many there may be */
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNKS_DONE } state;
};
/* 0: done; -1: more bytes needed; else the status it is refused with, and why. */
int http_chunks_read(struct chunks *chunks, char *data, size_t len, const char **why) MUST_USE;

#endif
