#!/bin/bash
# sync_table.sh [TEXT] - the fault table of docs/sync.md under load: each row arms its fault while blocks
# of four organizations are written, edited and deleted and two processes deliver them; then it looks
# for what is lost, doubled, stale or stuck. Prints the table. TEXT: only rows whose name contains it.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
only=${1:-}
fakes_begin BUREAU_SYNC_POLL_S=3600 BUREAU_SYNC_LEASE_S=6

# Two organizations with Google, two with Office 365; all with Moneybird.
owners=()
declare -A owner_of
for i in 1 2 3 4; do
    register "Table$i" || exit 1
    owners+=("$TOKEN") owner_of[$ORG]=$TOKEN
    fake_set account "table$i"
    fake_set office_account "table$i"
    fake_set employee "$EMAIL"
    connect "$( ((i <= 2)) && echo google_calendar || echo office365_calendar)" "$TOKEN"
    connect moneybird "$TOKEN"
done
listed() { [[ $(sql "SELECT count(*) FROM sync.calendars WHERE is_primary") == 4 ]]; }
until_true 30 listed
is "four organizations are connected" 0 $?
quiet() { [[ $(sql "SELECT count(*) FROM sync.jobs WHERE run_at < now() + interval '1 minute' AND state = 'available'") == 0 ]]; }
until_true 30 quiet

BUREAU_BIND="ipc://$RUN/sync2.ipc" "$BUREAU_BIN/bureau-sync" >"$work/second.log" 2>&1 </dev/null &
second=$! pids=($!)

# The load of a row: 8 blocks an organization are written; then half of them are edited, an eighth deleted.
each() { # SQL with n and organization o, run for each block
    sql "DO \$\$ DECLARE o record; b bigint; BEGIN
        FOR o IN SELECT DISTINCT organization_id AS id, user_id FROM sync.integrations LOOP
            PERFORM set_config('bureau.org', o.id::text, true);
            $1
        END LOOP; END \$\$" >/dev/null
}
write() {
    each "FOR n IN 1..8 LOOP
        INSERT INTO billing.time_blocks (user_id, title, start_time, end_time)
        VALUES (o.user_id, '$1 ' || o.id || '-' || n, now() - n * interval '2 hours', now() - n * interval '2 hours' + interval '90 minutes')
        RETURNING id INTO b;
        PERFORM sync.enqueue('time_block', b, 'again');
    END LOOP;"
}
rewrite() {
    each "FOR b IN SELECT id FROM billing.time_blocks WHERE organization_id = o.id AND title LIKE '$1 %' AND id % 2 = 0 LOOP
        UPDATE billing.time_blocks SET title = title || ' edited', end_time = end_time + interval '10 minutes' WHERE id = b;
        PERFORM sync.enqueue('time_block', b, 'again');
    END LOOP;
    FOR b IN SELECT min(id) FROM billing.time_blocks WHERE organization_id = o.id AND title LIKE '$1 %' AND title NOT LIKE '%edited' LOOP
        UPDATE billing.time_blocks SET deleted_at = now() WHERE id = b;
        PERFORM sync.enqueue('time_block', b, 'delete');
    END LOOP;"
}
due() { sql "SELECT count(*) FROM sync.jobs WHERE kind = 'push' AND state = 'available'"; }
settled() { [[ $(due) == 0 ]]; }
failed() { sql "SELECT count(*) FROM sync.jobs WHERE kind = 'push' AND state = 'failed'"; }
open_lanes() {
    sql "UPDATE sync.lanes SET paused_until = '-infinity', failures = 0; UPDATE sync.budgets SET closed_until = '-infinity';
         UPDATE sync.jobs SET run_at = now() WHERE kind = 'push'" >/dev/null
}
# What the provider closed is opened again as people do it.
switch_on() {
    local org id
    while IFS='|' read -r org id; do
        [[ -z $id ]] || http PUT "/api/calendars/$id" "${owner_of[$org]}" '{"is_enabled":true}'
    done < <(sql "SELECT organization_id, id FROM sync.calendars WHERE is_primary AND NOT is_enabled")
}
again() {
    switch_on
    sql "UPDATE sync.jobs SET state = 'available', attempt = 0, run_at = now() WHERE kind = 'push'" >/dev/null
    open_lanes
}
# What should stand and what stands, by title; sets LOST, DOUBLED (twice, or stale, or deleted here).
compare() { # name
    local side
    LOST=0 DOUBLED=0
    sql "SELECT title FROM billing.time_blocks WHERE title LIKE '$1 %' AND deleted_at IS NULL" | sort >"$work/want"
    fake_state '(.google.events[].summary), (.office[].subject)' | grep "^$1 " | sort >"$work/calendar"
    fake_state '.moneybird.entries[].description' | grep "^$1 " | sort >"$work/books"
    for side in calendar books; do
        LOST=$((LOST + $(sort -u "$work/$side" | comm -23 "$work/want" - | wc -l)))
        DOUBLED=$((DOUBLED + $(comm -13 "$work/want" "$work/$side" | wc -l)))
    done
}
within() { # seconds, command…: by the clock
    local until=$((SECONDS + $1))
    shift
    while ! "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.2
    done
}
early() { fake_state '[.early[]] | add'; }
ms() { printf '%s' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# row NAME OUTCOME FAULT…: FAULT: match, kind, name=value …, of one fault or, parted by --, of several.
# OUTCOME: done; failed (shown with its reason, done when retried); rests (the account waits; done
# when the time has come); reconnect.
row() {
    local name=$1 outcome=$2 began took seen waits left count=0 word
    shift 2
    [[ -z $only || $name == *"$only"* ]] || return 0
    rows=$((rows + 1))
    local tag="r$rows" fault=()
    for word; do
        if [[ $word == -- ]]; then
            fake_fault "${fault[@]}"
            fault=()
        else
            fault+=("$word")
        fi
    done
    ((${#fault[@]} == 0)) || fake_fault "${fault[@]}"
    local asked before_early
    asked=$(fake_state '[.faults[].count] | add // 0') before_early=$(early)
    began=$(ms)
    write "$tag"
    sleep 0.4
    rewrite "$tag"
    [[ $(type -t "during") == function ]] && during
    seen=
    case $outcome in
    done) within 60 settled ;;
    failed)
        within 30 settled
        count=$(failed)
        seen="$count failed: $(sql "SELECT left(min(error), 90) FROM sync.jobs WHERE kind = 'push' AND state = 'failed'"); "
        fake_set no_faults 1
        again
        within 60 settled
        ;;
    rests)
        resting() { [[ $(sql "SELECT count(*) FROM sync.lanes WHERE paused_until > now() + interval '40 minutes'") != 0 ]]; }
        within 20 resting
        waits=$(sql "SELECT round(extract(epoch FROM max(paused_until) - now()) / 60) FROM sync.lanes WHERE paused_until < 'infinity'")
        count=$(sql "SELECT count(*) FROM sync.lanes WHERE paused_until > now() + interval '40 minutes'")
        seen="$count accounts rest ${waits:-0} min; "
        fake_set no_faults 1
        fake_set plan 1000000
        again
        within 60 settled
        ;;
    reconnect)
        broken() { [[ $(sql "SELECT count(*) FROM sync.integrations WHERE needs_reconnect") != 0 ]]; }
        within 30 broken
        sleep 1
        count=$(sql "SELECT count(*) FROM sync.integrations WHERE needs_reconnect")
        seen="$count accounts must reconnect, $(sql "SELECT count(*) FROM sync.links WHERE status = 'failed'") blocks failed; "
        fake_set no_faults 1
        fake_set dead 0
        fake_set office_dead 0
        reconnect_all
        within 60 settled
        ;;
    esac
    took=$(($(ms) - began)) left=$(due)
    compare "$tag"
    local hit
    hit=$((asked - $(fake_state '[.faults[].count] | add // 0')))
    local ahead=$(($(early) - before_early))
    if [[ $outcome != done && $count == 0 ]]; then not_ok "$name: the fault shows as $outcome" "$seen"; else ok "$name: $outcome"; fi
    is "$name: lost doubled stuck early" "0 0 0 0" "$LOST $DOUBLED $left $ahead"
    table+=("| $name | $outcome | $seen$hit faults met, $(wc -l <"$work/want") blocks twice delivered in $((took / 1000)).$((took / 100 % 10)) s | $LOST | $DOUBLED | $left | $ahead |")
    fake_set no_faults 1
    again
    within 30 settled
}
reconnect_all() {
    for i in 1 2 3 4; do
        fake_set account "table$i"
        fake_set office_account "table$i"
        connect "$( ((i <= 2)) && echo google_calendar || echo office365_calendar)" "${owners[i - 1]}"
        connect moneybird "${owners[i - 1]}"
    done
}
rows=0 table=()
g=/calendar/v3/calendars m=/time_entries o=/v1.0/me/calendars

row "no fault" done
for side in "Google $g" "Moneybird $m" "Office 365 $o"; do
    at=${side##* } who=${side% *}
    case $who in Google) auth=authError busy=backendError ;; *) auth=expired busy=busy ;; esac
    during() { for k in 1 2 3; do fake_set expire 1; fake_set office_expire 1; sleep 0.3; done; }
    row "$who 401, the tokens have ended" done "$at" delay ms=20 count=12
    unset -f during
    row "$who 401, also when renewed" reconnect "$at" status status=401 reason=$auth count=40
    row "$who 408" done "$at" status status=408 count=3
    row "$who 429, seconds" done "$at" status status=429 reason=rateLimitExceeded retry_after=2 form=seconds count=2
    row "$who 429, a time" done "$at" status status=429 reason=rateLimitExceeded retry_after=2 form=epoch count=2
    row "$who 429, a date" done "$at" status status=429 reason=rateLimitExceeded retry_after=2 form=date count=2
    row "$who 500" done "$at" status status=500 reason=$busy count=4
    row "$who 503 with a wait" done "$at" status status=503 reason=$busy retry_after=2 count=2
    row "$who HTML instead of JSON" done "$at" html status=502 count=3
    row "$who HTML with status 200" done "POST $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" html status=200 count=2
    row "$who half an answer" done "$at" half count=3
    row "$who drips" done "POST $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" drip count=1
    row "$who cut before" done "$at" drop_before count=4
    row "$who cut after commit, creations" done "POST $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" drop_after count=4
    row "$who cut after commit, changes" done "PATCH $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" drop_after count=3
    row "$who cut after commit, deletions" done "DELETE $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" drop_after count=2
    row "$who 404 on a change" done "PATCH $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" lose status=404 reason=notFound count=2
    row "$who 404 on a deletion" done "DELETE $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" lose status=404 reason=notFound count=1
    row "$who 400" failed "POST $([[ $who == Moneybird ]] && echo /api/v2/ || echo "$at")" status status=400 reason=invalid count=16
done
row "Google 403 rateLimitExceeded" done "$g" status status=403 reason=rateLimitExceeded retry_after=2 count=2
row "Google 403 userRateLimitExceeded" done "$g" status status=403 reason=userRateLimitExceeded retry_after=1 count=2
row "Google 403 quotaExceeded" rests "$g" status status=403 reason=quotaExceeded count=1
row "Google 403 dailyLimitExceeded" rests "$g" status status=403 reason=dailyLimitExceeded count=1
row "Google 403 forbidden on a creation" failed "POST $g" status status=403 reason=forbidden count=2
row "Google 403 forbidden on a change" failed "PATCH $g" status status=403 reason=forbidden count=2
row "Google 404 on a creation" failed "POST $g" status status=404 reason=notFound count=2
row "Google 409 conflict" done "PATCH $g" status status=409 reason=conflict count=3
row "Google 410 on a change" done "PATCH $g" lose status=410 reason=deleted count=2
row "Google 412" done "PATCH $g" status status=412 reason=conditionNotMet count=3
row "Moneybird 401 without the scope" failed "POST /api/v2/" status status=401 reason="No access to time_entries" count=16
row "Moneybird 402" rests "POST /api/v2/" status status=402 reason="creating time entries is limited" count=1
row "Moneybird 403" failed "POST /api/v2/" status status=403 reason="suspended" count=16
row "Moneybird 422" failed "POST /api/v2/" status status=422 reason="is odd" count=16
row "Office 365 403 on a creation" failed "POST $o" status status=403 reason=ErrorAccessDenied count=2
row "Office 365 409 conflict" done "PATCH $o" status status=409 reason=ErrorIrresolvableConflict count=2
row "Office 365 410 on a change" done "PATCH $o" lose status=410 reason=ErrorItemNotFound count=2
row "Office 365 412" done "PATCH $o" status status=412 reason=ErrorIrresolvableConflict count=2
fake_set office_twins 1
row "Office 365 409, the creation is known" done "POST $o" drop_after count=3
fake_set office_twins 0

dies() { fake_set dead 1; fake_set office_dead 1; fake_set expire 1; fake_set office_expire 1; }
during() { dies; }
[[ -n $only && invalid_grant != *"$only"* ]] || row "invalid_grant" reconnect
unset -f during

# --- clocks --------------------------------------------------------------------------------------------
fake_set skew_s -3600
row "their clock an hour behind ours, 429 until a time" done "$m" status status=429 retry_after=3 form=epoch count=1 -- "$g" status status=429 retry_after=3 form=date count=1
fake_set skew_s 3600
row "their clock an hour ahead, 429 until a time" done "$m" status status=429 retry_after=3 form=epoch count=1 -- "$g" status status=429 retry_after=3 form=date count=1
fake_set skew_s 0
# To a lease, the database's clock that jumps is a lease that is over, or that never ends.
during() { for i in 1 2 3 4 5 6 7 8; do sleep 0.25; sql "UPDATE sync.lanes SET lease_until = lease_until - interval '1 hour' WHERE lease_until IS NOT NULL" >/dev/null; done; }
row "the database's clock jumps an hour ahead" done "POST /api/v2/" stall ms=900 count=4 -- "POST $g" stall ms=900 count=3 -- "POST $o" stall ms=900 count=3
during() { sleep 0.3; sql "UPDATE sync.lanes SET lease_until = lease_until + interval '1 hour' WHERE lease_until IS NOT NULL" >/dev/null; kill -KILL "$(pid_alive sync)"; }
row "it jumps an hour back, and the worker is killed" done "POST /api/v2/" delay ms=900 count=4 -- "POST $g" delay ms=900 count=3

# --- workers and the database --------------------------------------------------------------------------
strike() { # the process that answers the API and the other one, in turn
    local pid
    if (($1 % 2)); then pid=$(pid_alive sync); else pid=$second; fi
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null
    kill -0 "$second" 2>/dev/null && (($1 % 2)) || {
        wait "$second" 2>/dev/null
        BUREAU_BIND="ipc://$RUN/sync2.ipc" "$BUREAU_BIN/bureau-sync" >>"$work/second.log" 2>&1 </dev/null &
        second=$! pids=($!)
    }
}
during() { sleep 0.5; strike 1; strike 2; }
for way in stall delay; do
    word=$([[ $way == stall ]] && echo before || echo after)
    for verb in POST PATCH DELETE; do
        case $verb in POST) what=creates ;; PATCH) what=changes ;; DELETE) what=deletes ;; esac
        row "both workers killed $word the provider $what" done "$verb $g" $way ms=1200 count=2 -- "$verb /api/v2/" $way ms=1200 count=2 -- "$verb $o" $way ms=1200 count=2
    done
done
during() { fake_set expire 1; fake_set office_expire 1; sleep 0.3; strike 1; strike 2; }
row "both workers killed while tokens are renewed" done "POST /token" delay ms=1000 count=2 -- "POST /oauth/token" delay ms=1000 count=2 -- "/common/oauth2/v2.0/token" delay ms=1000 count=2
during() { for k in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.$((2 + RANDOM % 7)); strike "$k"; done; }
row "a worker killed twelve times" done "POST" delay ms=200 count=20
during() { kill -INT "$(pid_alive postgres)"; sleep 2; until_true 30 stack_ready; sleep 1; kill -INT "$(pid_alive postgres)"; sleep 1; until_true 30 stack_ready; }
row "the database restarted twice" done "POST" delay ms=300 count=12
unset -f during

printf '# | fault | outcome | figures | lost | doubled | stuck | early |\n# |---|---|---|---|---|---|---|\n'
printf '# %s\n' "${table[@]}"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
