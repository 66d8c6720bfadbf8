/* One request of a batch: which op, what kind, planned, run, summed up. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "services/core/crud.h"
#include "services/core/idempotency.h"
#include "services/core/worker.h"

static const struct {
    const char *name;
    enum err (*run)(struct call *call);
    bool write;
} crud_ops[] = {
    {"list", crud_list, false},    {"get", crud_get, false},      {"create", crud_create, true},
    {"update", crud_update, true}, {"delete", crud_delete, true}, {"restore", crud_restore, true},
};

static const struct op *find_in(const struct op *ops, const char *name, const char *resource)
{
    for (; ops != NULL && ops->name != NULL; ops++)
        if (strcmp(ops->name, name) == 0 && strcmp(ops->resource, resource) == 0)
            return ops;
    return NULL;
}

static const struct op *op_find(const struct service *service, const char *name,
                                const char *resource)
{
    const struct op *op = find_in(service->ops, name, resource);
    return op != NULL ? op : find_in(core_ops, name, "");
}

static int crud_index(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(crud_ops); i++)
        if (strcmp(crud_ops[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool op_is_fit(const struct service *service, const struct route *route)
{
    const struct resource *resource = route->resource;
    const struct op *op = op_find(service, route->op, resource == NULL ? "" : resource->name);
    int crud = resource == NULL ? -1 : crud_index(route->op);
    bool write = op != NULL ? op->write : crud >= 0 && crud_ops[crud].write;
    return (op != NULL || crud >= 0) && (write || strcmp(route->verb, "GET") == 0);
}

static const struct hooks *hooks_find(const struct service *service, const char *resource)
{
    for (const struct hooks *h = service->hooks; h != NULL && h->resource != NULL; h++)
        if (strcmp(h->resource, resource) == 0)
            return h;
    return NULL;
}

static bool is_set(const char *value)
{
    return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

static bool has_own_read(const struct job *job)
{
    const struct hooks *hooks = job->call.hooks;
    bool list = strcmp(job->request->op, "list") == 0;
    return hooks != NULL && (list ? hooks->list : hooks->get) != NULL;
}

static enum job_kind kind_of(struct job *job)
{
    int crud = job->op == NULL ? crud_index(job->request->op) : -1;
    bool write = job->op == NULL ? crud_ops[crud].write : job->op->write;
    if (!write)
        return job->op != NULL || has_own_read(job) || !crud_is_single(&job->call)
                   ? JOB_READ_ALONE
                   : JOB_READ_SINGLE;
    job->call.dry_run =
        (job->op == NULL || !job->op->own_dry_run) && is_set(query_find(job->request, "dry_run"));
    if (job->call.dry_run || idempotency_key(job->request) != NULL ||
        (job->op != NULL && (job->op->alone || job->op->admit != NULL)))
        return JOB_WRITE_ALONE;
    return job->op == NULL && crud_is_single(&job->call) ? JOB_WRITE_SINGLE : JOB_WRITE;
}

static void done(struct job *job, enum err err)
{
    job->kind = JOB_DONE;
    (void)call_fail(&job->call, err, NULL);
}

void job_open(struct worker *worker, struct job *job, struct request *request, int64_t arrived_us)
{
    const struct resource *resource =
        request->resource[0] == '\0' ? NULL : resource_find(request->resource);
    job->request = request;
    job->reply.index = request->index;
    job->call = (struct call){.arena = worker->arena,
                              .pg = worker->pg,
                              .request = request,
                              .resource = resource,
                              .reply = &job->reply,
                              .deadline_us = arrived_us + request->left_ms * 1000,
                              .hooks = hooks_find(worker->service, request->resource)};
    job->call.created = strcmp(request->op, "create") == 0;
    job->op = op_find(worker->service, request->op, request->resource);
    bool known = job->op != NULL || (resource != NULL && crud_index(request->op) >= 0);
    if (ping_answer(worker, request, &job->reply))
        job->kind = JOB_DONE;
    else if (!known)
        done(job, ERR_NO_ROUTE);
    else if (clock_mono_us() >= job->call.deadline_us)
        done(job, ERR_TIMEOUT);
    else if (request->body.len > 0 &&
             mp_read(worker->arena, request->body, &job->call.body) != ERR_OK)
        done(job, ERR_MALFORMED);
    else
        job->kind = kind_of(job);
}

void job_reset(struct job *job)
{
    job->reply = (struct reply){.index = job->request->index};
    job->call.columns_n = 0;
    job->call.joined = job->call.again = job->refused = job->replayed = false;
    job->call.proven = 0;
}

enum err job_plan(struct job *job)
{
    sql_init(&job->sql, job->call.arena);
    job->planned = false;
    enum err err = crud_plan(&job->call, &job->sql);
    job->planned = err == ERR_OK;
    return job->reply.err = err;
}

enum err job_admit(struct job *job)
{
    if (job->op == NULL || job->op->admit == NULL)
        return ERR_OK;
    enum err err = job->op->admit(&job->call);
    job->refused = err != ERR_OK && err_status(err) < 500 && !job->call.again;
    return job->reply.err = err;
}

enum err job_run(struct job *job)
{
    struct call *call = &job->call;
    if (clock_mono_us() >= call->deadline_us)
        return call_fail(call, ERR_TIMEOUT, NULL);
    if (job->op != NULL)
        return job->reply.err = job->op->run(call);
    int crud = crud_index(job->request->op);
    enum err (*run)(struct call * call) = crud_ops[crud].run;
    if (!crud_ops[crud].write && has_own_read(job))
        run = crud == 0 ? call->hooks->list : call->hooks->get;
    return job->reply.err = run(call);
}

void job_item(const struct job *job, struct pg_item *item)
{
    const struct caller *who = &job->request->who;
    *item = (struct pg_item){.organization_id = who->organization_id,
                             .user_id = who->user_id,
                             .zone = who->org_zone,
                             .user_zone = who->zone};
}

static void count(const struct job *job)
{
    const struct request *request = job->request;
    bool unknown =
        job->reply.err == ERR_NO_ROUTE; /* its name is not ours: it would fill the table */
    char labels[160];
    snprintf(labels, sizeof labels, "op=\"%s%s%s\",err=\"%s\"",
             unknown ? "unknown" : request->resource,
             unknown || request->resource[0] == '\0' ? "" : ".", unknown ? "" : request->op,
             err_name(job->reply.err));
    metrics_count("bureau_service_requests_total", "Requests by op and outcome.", labels, 1);
}

/* What gateways ask by themselves: nobody waits for these lines. */
static bool is_internal(const char *op)
{
    return strcmp(op, "ping") == 0 || strcmp(op, "metrics") == 0 || strcmp(op, "identity") == 0;
}

void job_close(struct job *job, int64_t sql_us)
{
    struct reply *reply = &job->reply;
    const struct request *request = job->request;
    reply->index = request->index;
    reply->sql_us = sql_us;
    if (reply->err == ERR_OK && !job->call.dry_run && !job->replayed && job->op != NULL &&
        job->op->afterwards != NULL)
        job->op->afterwards(&job->call);
    if (reply->err != ERR_OK)
        reply->json = (struct slice){"", 0};
    if (reply->err != ERR_OK && reply->retry_after_s == 0 && err_is_transient(reply->err))
        reply->retry_after_s = 1;
    count(job);
    bool own = request->resource[0] == '\0' && is_internal(request->op);
    enum log_level level = err_status(reply->err) >= 500 ? LOG_WARN : own ? LOG_DEBUG : LOG_INFO;
    if (!log_enabled(level))
        return;
    char spent[24];
    snprintf(spent, sizeof spent, "%lld", (long long)sql_us);
    log_event(level, "request", request->id, "op", request->op, "resource", request->resource,
              "err", err_name(reply->err), "#sql_us", spent, "trace", request->trace, NULL);
}
