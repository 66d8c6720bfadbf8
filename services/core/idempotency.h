/*
 * idempotency.h - a write that carried an Idempotency-Key happens once: its answer is kept for 24
 * hours in the same transaction and given again. Source: interface.md, Idempotency-Key.
 *
 * Kept are answers below 500 that are not "try again" (409 BUSY, 429), nor refusals of op.admit.
 * The answer is sealed with a key derived from BUREAU_SECRET_KEY, because it may hold a token; the
 * request is known by a hash under another such key, because it may hold a password. Two at once
 * with one key: an advisory lock of the transaction lets one run, the other is BUSY.
 */
#ifndef CORE_IDEMPOTENCY_H
#define CORE_IDEMPOTENCY_H

#include "services/core/worker.h"

void idempotency_open(const char *secret_key); /* once, before threads */
/* The request's key, or NULL when it brought none (or an empty one). */
const char *idempotency_key(const struct request *request);
/* Runs the write inside the call's open transaction, or takes the kept answer.
   Errors: INVALID (unfit key, or the key of another request), BUSY, and what the write answers. */
enum err idempotency_run(struct job *job) MUST_USE;
/* Whether such an answer is kept: then the transaction is committed though it is an error. */
bool idempotency_keeps(const struct reply *reply) MUST_USE;

#endif
