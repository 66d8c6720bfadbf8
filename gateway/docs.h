/*
 * docs.h - the interactive reference under /docs: a page, its style, its script and the viewer's
 * two files, which the build lays into share/docs beside bin/ (deploy/docs-ui). They are read once
 * and served from memory, with their hash as ETag, packed with gzip to those who take it. Where the
 * build could not fetch the viewer, a small page that links to the document stands in for it.
 */
#ifndef GATEWAY_DOCS_H
#define GATEWAY_DOCS_H

#include "gateway/exchange.h"

#define DOCS_PATHS                                                                                 \
    "/docs", "/docs/start.js", "/docs/page.css", "/docs/swagger-ui.css",                           \
        "/docs/swagger-ui-bundle.js"

/* Answers one of DOCS_PATHS: 200, 304, or 404 for a file that is not there. */
void docs_answer(struct exchange *x, struct buf *out);

#endif
