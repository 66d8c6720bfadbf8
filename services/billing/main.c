/* The billing service: work and what it is worth. */
#include "services/billing/bill.h"
#include "services/billing/hooks.h"
#include "services/core/service.h"

static const struct hooks *const hooks_of[] = {&time_block_hooks, &project_hooks, &bill_hooks};

int main(int argc, char **argv)
{
    static struct hooks hooks[COUNT_OF(hooks_of) + 1];
    for (size_t i = 0; i < COUNT_OF(hooks_of); i++)
        hooks[i] = *hooks_of[i];
    static const struct op ops[] = {
        {"sync", "time_block", time_block_sync, true},
        {"time_report", "", time_report, false},
        {"locked_list", "", locked_list, false},
        {"locked_create", "", locked_create, true},
        {"locked_delete", "", locked_delete, true},
        {"timer_current", "", timer_current, false},
        {"timer_start", "", timer_start, true},
        {"timer_update", "", timer_update, true},
        {"timer_stop", "", timer_stop, true},
        {"timer_discard", "", timer_discard, true},
        {"planner_feed_list", "", planner_feed_list, false},
        {"planner_feed_create", "", planner_feed_create, true},
        {"planner_feed_delete", "", planner_feed_delete, true},
        {"planner_feed_read", "", planner_feed_read, false},
        {"unbilled_hours", "", unbilled_hours, false},
        {"hours_bill", "", hours_bill, true},
        {"hours_unbill", "", hours_unbill, true},
        {"terms_get", "", terms_get, false},
        {"terms_update", "", terms_update, true},
        {"bill_create", "", bill_create, true},
        {"bill_pdf", "", bill_pdf, false},
        {"pdf", "bill", bill_pdf, false},
        {"ubl", "bill", bill_ubl, false},
        {"finalize", "bill", bill_finalize, true},
        {"credit_note", "bill", bill_credit_note, true},
        {0},
    };
    const struct service billing = {.name = "billing", .hooks = hooks, .ops = ops};
    return service_main(&billing, argc, argv);
}
