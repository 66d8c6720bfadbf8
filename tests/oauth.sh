#!/bin/bash
# oauth.sh - connecting an account: what the consent is asked with, that a state is good once, for ten
# minutes, for whoever began and for its provider, that all of the scopes are needed, and that no
# token is found in a log, an answer, an address, the database or a core file.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"
. "$ROOT/tests/fakes/fakes.sh"
fakes_begin
register Johanna || exit 1
fake_set account johanna
fake_set employee "$EMAIL"

# begin PROVIDER: sets CONSENT, where people are sent. allow: sets BACK, where they come back to.
begin() {
    http POST "/integrations/$1/connect" "$TOKEN"
    CONSENT=$(jq -r .url <<<"$BODY")
}
allow() { BACK=$(curl -s -m 10 -o /dev/null -w '%{redirect_url}' "$CONSENT"); }
begun() { begin google_calendar && allow; }
of() { sed -n "s/.*[?&]$1=\([^&]*\).*/\1/p" <<<"$2"; } # a parameter of an address, as it stands
# back PARAMETERS: BACK with others than its code.
back() { printf '%s?%s&state=%s' "${BACK%%\?*}" "$1" "$(of state "$BACK")"; }
# come_back ADDRESS [curl arguments]: "422 message", or "302 status".
come_back() {
    local address=$1 got
    shift
    got=$(curl -s -m 30 -w '\n%{http_code} %{redirect_url}' "$@" "$address")
    [[ ${got##*$'\n'} == 302* ]] && printf '302 %s' "$(of status "${got##*$'\n'}")" ||
        printf '%s %s' "$(cut -d ' ' -f 1 <<<"${got##*$'\n'}")" "$(jq -r .message <<<"${got%$'\n'*}")"
}
connected() { sql "SELECT count(*) FROM sync.integrations WHERE deleted_at IS NULL AND sealed IS NOT NULL"; }
STRANGE="422 This connection was not begun here, or it took too long."
REFUSED="422 The provider did not accept the connection. Please try again."

# --- what is asked ----------------------------------------------------------------------------------
begin google_calendar
first=$CONSENT
is "Google is asked for lasting access, anew each time" "offline consent code" \
    "$(of access_type "$first") $(of prompt "$first") $(of response_type "$first")"
is "and told exactly where to send people back" "http%3A%2F%2F127.0.0.1%3A$BUREAU_PORT%2Fintegrations%2Fgoogle_calendar%2Fcallback" \
    "$(of redirect_uri "$first")"
like "with a challenge by SHA-256" "^S256 [A-Za-z0-9_-]{43}$" "$(of code_challenge_method "$first") $(of code_challenge "$first")"
like "the state is the organization's, and secret" "^$ORG-[A-Za-z0-9]{43}$" "$(of state "$first")"
is "of which the database holds a hash" "$(printf %s "$(of state "$first")" | sha256sum | cut -d ' ' -f 1)" \
    "$(sql "SELECT hash FROM sync.oauth_states ORDER BY created_at DESC LIMIT 1")"
begin google_calendar
[[ $(of state "$CONSENT") != "$(of state "$first")" && $(of code_challenge "$CONSENT") != "$(of code_challenge "$first")" ]]
is "another connection has another state and another challenge" 0 $?
is "the answer is nobody's to keep" "no-store" "$(curl -s -D - -o /dev/null -X POST -H "Authorization: Bearer $TOKEN" -H 'Host: evil.example' \
    "$URL/integrations/google_calendar/connect" | tr -d '\r' | sed -n 's/^[Cc]ache-[Cc]ontrol: //p')"
is "no secret of ours is in the address" 0 "$(grep -c 'secret' <<<"$CONSENT")"

# --- one state, one use -----------------------------------------------------------------------------
CONSENT=$first
allow
other=$BACK
begun
is "a code that belongs to another state is refused: the verifier does not fit" "$REFUSED" \
    "$(come_back "$(back "code=$(of code "$other")")")"
is "and the state is used up by that" "$STRANGE" "$(come_back "$BACK")"
code=$(of code "$other")
is "the stand-in itself gives nothing for a code without its verifier" 400 "$(curl -s -o /dev/null -w '%{http_code}' "$FAKE/token" \
    -d grant_type=authorization_code -d "code=$code" -d client_id=google-client -d client_secret=google-secret \
    --data-urlencode "redirect_uri=$URL/integrations/google_calendar/callback")"
begun
is "who does not allow it is told so" "422 The access was not allowed." "$(come_back "$(back error=access_denied)")"
is "and must begin again" "$STRANGE" "$(come_back "$BACK")"
begun
is "without a code nothing is asked" "422 The provider sent no code." "$(come_back "$(back x=1)")"
begun
is "a state of Google's is none of Moneybird's" "$STRANGE" "$(come_back "${BACK/google_calendar/moneybird}")"
begun
sql "UPDATE sync.oauth_states SET created_at = now() - interval '10 minutes 1 second'" >/dev/null
is "after ten minutes it is too late" "$STRANGE" "$(come_back "$BACK")"
is "nothing was connected so far" 0 "$(connected)"
begun
sql "UPDATE sync.oauth_states SET created_at = now() - interval '9 minutes 30 seconds'" >/dev/null
is "before that it is not" "302 connected" "$(come_back "$BACK" -H 'Accept: text/html')"
is "once" "$STRANGE" "$(come_back "$BACK")"
begun
for i in 1 2 3 4 5 6 7 8; do come_back "$BACK" -H 'Accept: application/json' >"$work/try$i" & done
wait $(jobs -p | grep -vx "$FAKES_PID")
is "of eight that bring it at once one is let in" "1" "$(cat "$work"/try? | grep -o '302 connected' | wc -l)"

# --- whose state ------------------------------------------------------------------------------------
login() { # jar e-mail
    curl -s -m 20 -c "$1" -o /dev/null -H 'Content-Type: application/json' -d "{\"email\":\"$2\",\"password\":\"Correct-horse9\"}" "$URL/login"
}
browse() { # jar: begins in a browser and allows it
    CONSENT=$(curl -s -m 20 -b "$1" -o /dev/null -w '%{redirect_url}' -X POST -H 'Accept: text/html' \
        -H "X-XSRF-TOKEN: $(awk '$6 == "XSRF-TOKEN" { print $7 }' "$1")" "$URL/integrations/google_calendar/connect")
    allow
}
login "$work/hers" "$EMAIL"
login "$work/again" "$EMAIL"
browse "$work/hers"
is "what a browser began is not for one without its cookie" "$STRANGE" "$(come_back "$BACK")"
browse "$work/hers"
is "nor for her own token" "$STRANGE" "$(come_back "$BACK" -H "Authorization: Bearer $TOKEN")"
browse "$work/hers"
is "nor for another session of hers" "$STRANGE" "$(come_back "$BACK" -b "$work/again")"
browse "$work/hers"
is "but for the one that began" "302 connected" "$(come_back "$BACK" -b "$work/hers" -H 'Accept: text/html')"
mine=$TOKEN org=$ORG me=$USER_ID
begun
register Thief
is "what a token began is not another's to end" "$STRANGE" "$(come_back "$BACK" -H "Authorization: Bearer $TOKEN")"
TOKEN=$mine
begun
sql "UPDATE accounts.members SET role = 'manager' WHERE organization_id = $org AND user_id = $me" >/dev/null
is "who is no admin any more connects nothing" "$STRANGE" "$(come_back "$BACK")"
sql "UPDATE accounts.members SET role = 'owner' WHERE organization_id = $org AND user_id = $me" >/dev/null

# --- all that is needed ------------------------------------------------------------------------------
before=$(connected)
for provider in google_calendar office365_calendar moneybird; do
    begin $provider
    scopes=$(of scope "$CONSENT" | sed 's/%20/ /g; s/%3A/:/g; s/%2F/\//g; s/%2E/./g; s/+/ /g')
    for scope in $scopes; do
        [[ $scope != openid && $scope != email && $scope != offline_access ]] || continue
        fake_set drop_scope "$scope"
        begin $provider
        allow
        is "$provider without $scope is not connected" "422 Not everything that is needed was allowed. Connect again and allow all of it." "$(come_back "$BACK")"
    done
    fake_set drop_scope none
done
fake_set drop_scope offline_access
begin office365_calendar
allow
is "office365_calendar without offline_access is not connected" "422 The provider gave no lasting access. Please connect again." "$(come_back "$BACK")"
fake_set drop_scope none
is "and nothing of it was stored" "$before" "$(connected)"
for provider in moneybird office365_calendar; do
    begin $provider
    allow
    is "$provider with all of them is" "302 connected" "$(come_back "$BACK" -H 'Accept: text/html')"
done

# --- document 001's examples with accounts -------------------------------------------------------------
listed() { http GET /api/integrations "$TOKEN" && [[ $(jq '[.data[] | select(.provider == "google_calendar").calendars[]] | length' <<<"$BODY") == 3 ]]; }
until_true 20 listed
is "GET /api/integrations" '["calendar","johanna@gmail.test",true,true,["color","id","is_enabled","name"]]' \
    "$(jq -c '.data[] | select(.provider == "google_calendar") | [.provider_type, .account_email, .is_active, (.last_sync_at | test("Z$")), (.calendars[0] | keys)]' <<<"$BODY")"
is "and of the books" '["id","is_active","last_error","last_sync_at","name","needs_reconnect","provider","provider_type"]' \
    "$(jq -c '.data[] | select(.provider == "moneybird") | keys' <<<"$BODY")"
accounts=$BODY
calendar=$(jq '.data[] | select(.provider == "google_calendar").calendars[] | select(.name == "Primary").id' <<<"$BODY")
http PUT "/api/calendars/$calendar" "$TOKEN" '{"is_enabled":true,"sync_direction":"both"}'
is "PUT /api/calendars/{id}" "{\"message\":\"Calendar settings updated\",\"calendar\":{\"id\":$calendar,\"name\":\"Primary\",\"is_enabled\":true,\"sync_direction\":\"both\"}}" \
    "$(jq -c . <<<"$BODY")"
http GET "/api/integrations/$(jq '.data[] | select(.provider == "google_calendar").id' <<<"$accounts")/calendars" "$TOKEN"
reader=$(jq '.data[] | select(.access == "reader").id' <<<"$BODY")
http PUT "/api/calendars/$reader" "$TOKEN" '{"sync_direction":"push"}'
is "a calendar that can only be read is not written to" '422 ["This calendar can only be read."]' "$STATUS $(jq -c .errors.sync_direction <<<"$BODY")"
http POST "/api/calendars/$calendar/sync" "$TOKEN"
is "POST /api/calendars/{id}/sync" '200 "Sync initiated"' "$STATUS $(jq -c .message <<<"$BODY")"
http POST /api/time-blocks "$TOKEN" "{\"title\":\"Development Work\",\"description\":\"Implement new feature\",\"start_time\":\"2024-01-08T09:00:00\",\"end_time\":\"2024-01-08T12:00:00\",\"calendar_id\":$calendar,\"is_billable\":true,\"color\":\"#0D9488\"}"
is "POST /api/time-blocks" '["pending","pending","Time block created. Syncing to integrations..."]' \
    "$(jq -c '[.data.calendar_sync_status, .data.invoicing_sync_status, .message]' <<<"$BODY")"
http POST "/api/time-blocks/$(jq .data.id <<<"$BODY")/sync" "$TOKEN"
is "POST /api/time-blocks/{id}/sync" '{"message":"Sync initiated","sync_status":{"calendar":"syncing","invoicing":"syncing"}}' "$(jq -c . <<<"$BODY")"
http GET "/api/time-blocks?start=2024-01-08&end=2024-01-08&calendar_id=$calendar" "$TOKEN"
is "GET /api/time-blocks of a calendar" '["Development Work"]' "$(jq -c '[.data[].title]' <<<"$BODY")"
http GET /api/settings "$TOKEN"
is "GET /api/settings counts them" '{"calendar":2,"invoicing":1}' "$(jq -c .data.integrations_count <<<"$BODY")"

# --- where no token is --------------------------------------------------------------------------------
http POST /api/time-blocks "$TOKEN" '{"title":"Everywhere","start_time":"2026-03-02T09:00:00","end_time":"2026-03-02T10:00:00"}'
ID=$(jq .data.id <<<"$BODY")
shown() { # list or item
    [[ $1 == list ]] && http GET "/api/time-blocks?start=2026-03-02&end=2026-03-02" "$TOKEN" || http GET "/api/time-blocks/$ID" "$TOKEN"
    jq -c '[.data] | flatten | .[0] | [.calendar_sync_status, .invoicing_sync_status, .calendar_sync_error, .invoicing_sync_error, .external_ids]' <<<"$BODY"
}
there() { [[ $(shown item) == '["synced","synced",null,null,'* ]]; }
until_true 20 there
is "a block is delivered" 0 $?
is "the list says what the block says" "$(shown item)" "$(shown list)"
fake_set expire 1
fake_fault "POST /token" status status=500 reason=ya29.access-in-an-error
fake_fault "/calendar/v3/" status status=400 reason="ya29.access-in-an-error"
http PUT "/api/time-blocks/$ID" "$TOKEN" '{"title":"Everywhere again"}'
again() { [[ $(shown item) == *failed* || $(shown item) == '["synced","synced"'* ]]; }
until_true 20 again
secrets='ya29\.access-[0-9]+|1//refresh-[0-9]+|aaaa[0-9]+bbbb|rrrr[0-9]+ssss|google-secret|moneybird-secret|office-secret'
is "no token is in a log, no code and no state" "" "$(grep -rEho "code-[0-9]+&|state=[0-9]+-[A-Za-z0-9]{43}|$secrets" "$BUREAU_DATA/log" | sort -u)"
is "nor in the database" "" "$("$PG_BIN/pg_dump" -h "$PG_SOCKET" -U postgres -a bureau 2>/dev/null | grep -Eo "$secrets" | sort -u)"
is "nor in an address we asked" "" "$(curl -s "$FAKE/_fake/log" | jq -r '.[] | .path + "?" + .query' | grep -Eo "$secrets" | sort -u)"
for path in /api/integrations /api/integrations/1/calendars /api/sync/jobs "/api/changes?limit=500" "/api/time-blocks/$ID" /api/audit /api/settings; do
    http GET "$path" "$TOKEN"
    is "nor in $path" "" "$(grep -Eo "$secrets" <<<"$BODY" | sort -u)"
done
pid=$(pid_alive sync)
like "a core file of the program that holds them has no room" "Max core file size +0 +0 " "$(cat "/proc/$pid/limits")"
((EUID == 0)) || is "and the kernel gives its memory to nobody of its user" root "$(stat -c %U "/proc/$pid")"
is "while it does hold them" t "$(sql "SELECT bool_and(sealed IS NOT NULL AND length(sealed) > 60) FROM sync.integrations WHERE organization_id = $org AND deleted_at IS NULL")"

# --- connected again just while the old tokens are refused ------------------------------------------------
state_of() { sql "SELECT i.needs_reconnect, l.paused_until = 'infinity' FROM sync.integrations i JOIN sync.lanes l ON l.integration_id = i.id
    WHERE i.organization_id = $org AND i.provider = '$1' AND i.deleted_at IS NULL"; }
delivered() { http GET "/api/time-blocks/$ID" "$TOKEN" && [[ $(jq -r ".data.$1_sync_status" <<<"$BODY") == synced ]]; }
# meanwhile PROVIDER SIDE TOKEN_ADDRESS DEAD EXPIRE: a renewal is refused, slowly; meanwhile she connects.
meanwhile() {
    sql "UPDATE sync.lanes SET paused_until = '-infinity', failures = 0" >/dev/null
    fake_set no_faults 1
    fake_set "$4" 1
    fake_set "$5" 1
    fake_fault "POST $3" stall ms=2500
    http PUT "/api/time-blocks/$ID" "$TOKEN" "{\"title\":\"Meanwhile $1\"}"
    http POST "/api/time-blocks/$ID/sync" "$TOKEN"
    asked() { [[ $(fake_state '[.faults[] | select(.count > 0)] | length') == 0 ]]; }
    until_true 20 asked
    connect "$1" "$TOKEN"
    is "$1 is connected again while a renewal is under way" "302 connected" "$STATUS $(of status "$LOCATION")"
    until_true 20 delivered "$2"
    is "what waited is delivered with the new tokens" synced "$(jq -r ".data.$2_sync_status" <<<"$BODY")"
    is "and the refusal of the old ones is nobody's business" "f|f" "$(state_of "$1")"
    fake_set "$4" 0
}
meanwhile google_calendar calendar /token dead expire
meanwhile moneybird invoicing /oauth/token dead expire

# --- letting go -----------------------------------------------------------------------------------------
http GET /api/integrations "$TOKEN"
fake_fault "POST /revoke" status status=500 reason=broken
http DELETE "/api/integrations/$(jq '.data[] | select(.provider == "google_calendar").id' <<<"$BODY")" "$TOKEN"
is "a provider that takes no token back keeps nobody" 200 "$STATUS"
is "the tokens are wiped all the same" 0 "$(sql "SELECT count(*) FROM sync.integrations WHERE provider = 'google_calendar' AND organization_id = $org AND sealed IS NOT NULL")"
noted() { sql "SELECT string_agg(op || ' ' || (changes ? 'sealed')::text, ',' ORDER BY id) FROM (SELECT * FROM core.audit
    WHERE organization_id = $org AND user_id = $me AND resource = '$1' AND $2 ORDER BY id) a"; }
like "who connected it and let it go is in the log of changes" "^create false,(update false,)*delete false$" \
    "$(noted integration "row_id = (SELECT id FROM sync.integrations WHERE organization_id = $org AND provider = 'google_calendar')")"
