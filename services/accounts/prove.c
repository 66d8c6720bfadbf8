#include "services/accounts/prove.h"

#include "common/crypto.h"
#include "services/accounts/form.h"

static enum err note(struct call *call, const char *account, bool good)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, account);
    sql_printf(&sql, "SELECT accounts.sign_in_done($%d::text, $%d::boolean)", name,
               sql_bind(&sql, good ? "true" : "false"));
    return call_run(call, &sql, &result);
}

/* Holds the account's lock while the password is hashed, and until the transaction ends: guesses
   count one by one. */
enum err prove(struct call *call, struct proof *proof)
{
    struct sql sql;
    struct pg_result *result;
    proof->user_id = 0;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, proof->identifier);
    sql_printf(&sql,
               "SELECT account, wait_s, user_id, password"
               " FROM accounts.sign_in($%d::text, $%d::boolean)",
               name, sql_bind(&sql, proof->pseudo_too ? "true" : "false"));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    int64_t wait_s = pg_int(result, 0, 1);
    if (wait_s > 0) {
        call->reply->retry_after_s = wait_s;
        return call_fail(call, ERR_RATE_LIMITED, NULL);
    }
    bool good = crypto_password_verify(pg_text(result, 0, 3), proof->password);
    proof->user_id = good ? pg_int(result, 0, 2) : 0;
    return note(call, pg_text(result, 0, 0), good);
}
