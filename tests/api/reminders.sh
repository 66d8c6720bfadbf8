#!/bin/bash
# reminders.sh - tasks that are due are mailed, once, as their people chose. Needs a stack that
# writes its mail as files.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run

mails() { grep -lF "To: <$EMAIL>" "$BUREAU_DATA"/mail/*.eml 2>/dev/null | wc -l; }
# Waits until there are as many mails, then as long as it takes to see one too many.
mails_become() {
    local n
    for ((n = 0; n < 300 && $(mails) < $1; n++)); do sleep 0.1; done
    sleep "${2:-0}"
    mails
}
newest() { ls -t $(grep -lF "To: <$EMAIL>" "$BUREAU_DATA"/mail/*.eml) | head -n 1; }

register Reminded && token=$TOKEN || exit 1
# A zone in which it is about noon: neither midnight is near.
zone=Etc/GMT$(printf '%+d' $((10#$(date -u +%H) - 12)))
tomorrow=$(date -u -d "$(TZ=$zone date +%F) +1 day" +%F)
today=$(TZ=$zone date +%F)

http PUT /api/preferences "$token" "{\"timezone\":\"$zone\",\"reminder_time\":\"25:00\",\"remind_same_day\":\"x\"}"
is "a time that is none is refused" "422 reminder_time remind_same_day" \
    "$STATUS $(jq -r '.errors | [has("reminder_time"), has("remind_same_day")] | if all then "reminder_time remind_same_day" else "" end' <<<"$BODY")"
http PUT /api/preferences "$token" "{\"timezone\":\"$zone\",\"reminder_time\":\"23:59\"}"
is "her own time is taken" "200 23:59" "$STATUS $(jq -r .data.preferences.reminder_time <<<"$BODY")"

task="{\"type\":\"task\",\"subject\":\"Call Zoé\",\"content\":\"about it\",\"priority\":\"high\",\"due_at\":\"$tomorrow 12:00\"}"
http POST /api/communications "$token" "$task"
id=$(jq .data.id <<<"$BODY")
http POST /api/communications "$token" "${task/task/note}"
http POST /api/communications "$token" "${task/\"content\"/\"status\":\"completed\",\"content\"}"
is "nothing is mailed before her time of the day" 0 "$(mails_become 1 0)"
http PUT /api/preferences "$token" '{"preferences":{"reminder_time":"00:00"}}'
is "the open task is mailed once, the others never" 1 "$(mails_become 1 12)"
mail=$(cat "$(newest)")
like "by its subject" 'Subject: .*(Reminder|UmVtaW5kZXI)' "$mail"
http PUT "/api/communications/$id" "$token" "{\"priority\":\"urgent\"}"
is "another change of it is no reason" 1 "$(mails_become 1 12)"
http PUT "/api/communications/$id" "$token" "{\"due_at\":\"$tomorrow 15:00\"}"
is "another due date arms it again" 2 "$(mails_become 2 0)"
http PUT "/api/communications/$id" "$token" "{\"due_at\":\"$today 15:00\"}"
is "the day itself is not mailed unless she wants it" 2 "$(mails_become 2 12)"
http PUT /api/preferences "$token" '{"remind_same_day":true}'
is "then it is" 3 "$(mails_become 3 0)"
http PUT /api/preferences "$token" '{"task_reminders_enabled":false}'
http PUT "/api/communications/$id" "$token" "{\"due_at\":\"$tomorrow 16:00\"}"
is "who wants none gets none" 3 "$(mails_become 3 12)"
