#!/bin/bash
# google_push.sh - where Google can reach us it tells of changes, and calendars are read then.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
PUBLIC_URL=https://bureau.example.test
fakes_begin BUREAU_PUBLIC_URL=$PUBLIC_URL BUREAU_SYNC_POLL_S=600
register Johanna || exit 1
fake_set account johanna
connect google_calendar "$TOKEN"
is "Google is connected" 302 "$STATUS"
watched() { [[ $(fake_state '.google.channels | length') == "$1" ]]; }
until_true 10 watched 1
address=$(fake_state '.google.channels[0].address')
like "the primary calendar is watched" "^$PUBLIC_URL/integrations/google_calendar/changes/$ORG-[A-Za-z0-9]{40}$" "$address"
is "the secret of its address stands nowhere" 0 "$(sql "SELECT count(*) FROM sync.calendars WHERE channel_hash LIKE '%${address##*-}%'")"
read_once() { [[ $(sql "SELECT count(*) FROM sync.calendars WHERE sync_token IS NOT NULL") == 1 ]]; }
until_true 10 read_once
shown() { http GET "/api/time-blocks?start=2030-05-01&end=2030-05-09" "$TOKEN" && [[ $(jq '.data | length' <<<"$BODY") == "$1" ]]; }
ring() { curl -s -m 10 -o /dev/null -w '%{http_code}' -X POST -H 'X-Goog-Resource-State: exists' "${1/#$PUBLIC_URL/$URL}"; }
fake_set event "johanna|dentist1|Dentist|2030-05-01T10:00:00+02:00|2030-05-01T11:00:00+02:00"
sleep 3
shown 0
is "by the clock it is not read yet" 0 $?
is "Google tells that it changed" 200 "$(ring "$address")"
until_true 10 shown 1
is "it is read then" Dentist "$(jq -r '.data[0].title' <<<"$BODY")"
is "a bell nobody knows" 404 "$(ring "${address%?????}AAAAA")"
is "no bell at all" 404 "$(ring "$PUBLIC_URL/integrations/google_calendar/changes/first")"
sql "UPDATE sync.calendars SET channel_until = now() + interval '1 hour', channel_asked_at = now() - interval '6 days' WHERE channel_until IS NOT NULL" >/dev/null
is "the channel still rings on its last day" 200 "$(ring "$address")"
renewed() { [[ $(fake_state '.google.channels[0].address') != "$address" ]] && watched 1; }
until_true 10 renewed
is "and is opened anew, the one before closed" 1 "$(fake_state '.google.channels | length')"
fake_set event "johanna|dentist2|Second|2030-05-02T10:00:00+02:00|2030-05-02T11:00:00+02:00"
is "the new one rings" 200 "$(ring "$(fake_state '.google.channels[0].address')")"
until_true 10 shown 2
is "and is heard" 2 "$(jq '.data | length' <<<"$BODY")"
is "the one before is still known" 200 "$(ring "$address")"
id=$(http GET /api/integrations "$TOKEN"; jq -r '.data[0].id' <<<"$BODY")
last=$(fake_state '.google.channels[0].address')
fake_set expire 1
sql "UPDATE sync.integrations SET expires_at = now()" >/dev/null
http DELETE "/api/integrations/$id" "$TOKEN"
is "disconnected: Google is told to ring no more, with tokens that work" "200 0" "$STATUS $(fake_state '.google.channels | length')"
is "and its bell is known no more" 404 "$(ring "$last")"
is "nothing a strict provider would refuse" "" "$(fake_state '.violations[]' | head -n 3)"
is "no secret of a channel is in sync's log" "" "$(grep -hoF "${address##*-}" "$work"/stack/log/sync.log | head -n 1)"
