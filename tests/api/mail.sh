#!/bin/bash
# mail.sh - what leaves by mail and comes back: invitations and new passwords. Needs a stack that
# writes its mail as files.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run

# The newest mail to an address: waits until one newer than the mails counted before is there.
mail_to() { # address, how many there were
    local n files=()
    for ((n = 0; n < 100; n++)); do
        mapfile -t files < <(grep -lF "To: <$1>" "$BUREAU_DATA"/mail/*.eml 2>/dev/null | sort -V)
        ((${#files[@]} > $2)) && break
        sleep 0.1
    done
    MAIL=$([[ ${#files[@]} -gt $2 ]] && cat "${files[-1]}")
}
code_of() { sed -n 's/^Code *: *\([A-Za-z0-9]*\).*/\1/p' <<<"$MAIL"; }

register Host && host=$TOKEN host_org=$ORG || exit 1
register Guest && guest=$TOKEN guest_email=$EMAIL || exit 1

http POST /api/team/invite "$host" "{\"email\":\"$guest_email\",\"role\":\"manager\"}"
is "an invitation is taken" 201 "$STATUS"
mail_to "$guest_email" 0
code=$(code_of)
like "it is mailed with its secret" '^.{40}$' "$code"
like "the link in it is the public one" "/invitation\?lang=en&token=$code" "$MAIL"
is "the mail is for nobody else to read" 600 "$(stat -c %a "$(ls -t "$BUREAU_DATA"/mail/*.eml | head -1)")"

http GET "/api/invitations/$code" ''
is "anybody with the secret sees what it is about" "200 manager $host_org" \
    "$STATUS $(jq -r '.data | "\(.role) \(.organization.id)"' <<<"$BODY")"
http POST "/api/invitations/$code/accept" "$host"
is "it is for the address it was sent to" 403 "$STATUS"
http POST "/api/invitations/$code/accept" "$guest"
is "accepting it joins the organization" "200 manager" "$STATUS $(jq -r .organization.role <<<"$BODY")"
http GET /api/organizations "$guest"
is "at once" 2 "$(jq '.data | length' <<<"$BODY")"
http POST "/api/invitations/$code/accept" "$guest"
is "once" 404 "$STATUS"
http GET /api/user "$guest"
is "the address is proven by it" true "$(jq '.email_verified_at != null' <<<"$BODY")"
name=$(jq -r .name <<<"$BODY") guest_id=$(jq -r .id <<<"$BODY")
http PUT "/api/users/$guest_id" "$host" '{"person":{"first_name":"Renamed","last_name":"Elsewhere"}}'
is "the organization keeps a person of its own for her" "200 Renamed Elsewhere" \
    "$STATUS $(jq -r .person.full_name <<<"$BODY")"
http GET /api/user "$guest"
is "who works elsewhere too keeps her name there" "$name" "$(jq -r .name <<<"$BODY")"

stranger=stranger.$RANDOM$RANDOM@example.test
http POST /api/team/invite "$host" "{\"email\":\"$stranger\",\"role\":\"visitor\"}"
mail_to "$stranger" 0
old=$(code_of)
http POST /api/team/invite "$host" "{\"email\":\"$stranger\",\"role\":\"user\"}"
mail_to "$stranger" 1
code=$(code_of)
http GET "/api/invitations/$old" ''
is "a second invitation voids the first" 404 "$STATUS"
pseudo=p$RANDOM$RANDOM
http POST /api/users/signup '' "{\"pseudo\":\"$pseudo\",\"email\":\"not.$stranger\",\"password\":\"Correct-horse9\",\"invitation_token\":\"$code\"}"
is "signing up by an invitation needs its address" 400 "$STATUS"
http POST /api/users/signup '' "{\"pseudo\":\"$pseudo\",\"email\":\"$stranger\",\"password\":\"Correct-horse9\",\"group_id\":\"admin\",\"invitation_token\":\"$code\"}"
is "signing up by an invitation gives its role, whatever is asked" "201 member" "$STATUS $(jq -r .group_id <<<"$BODY")"

http POST /forgot-password '' "{\"email\":\"$guest_email\"}"
is "a forgotten password is taken" 200 "$STATUS"
known=$BODY
http POST /forgot-password '' "{\"email\":\"nobody.$stranger\"}"
is "an unknown address gets the same answer" "200 $known" "$STATUS $BODY"
mail_to "$guest_email" 1
code=$(code_of)
http POST /forgot-password '' "{\"email\":\"$guest_email\"}"
sleep 1
is "a second mail within a minute is not sent" 2 "$(grep -lF "To: <$guest_email>" "$BUREAU_DATA"/mail/*.eml | wc -l)"
is "an unknown address gets no mail" 0 "$(grep -lF "To: <nobody.$stranger>" "$BUREAU_DATA"/mail/*.eml | wc -l)"
http POST /reset-password '' "{\"email\":\"$stranger\",\"token\":\"$code\",\"password\":\"New-horse10\",\"password_confirmation\":\"New-horse10\"}"
is "its secret is one address's" 422 "$STATUS"
reset="{\"email\":\"$guest_email\",\"token\":\"$code\",\"password\":\"New-horse10\",\"password_confirmation\":\"New-horse10\"}"
http POST /reset-password '' "$reset"
is "a new password by it" 200 "$STATUS"
http POST /reset-password '' "$reset"
is "only once" 422 "$STATUS"
http GET /api/user "$guest"
is "what the old password opened is closed" 401 "$STATUS"
http POST /login '' "{\"email\":\"$guest_email\",\"password\":\"Correct-horse9\"}"
is "the old password is no good" 422 "$STATUS"
http POST /login '' "{\"email\":\"$guest_email\",\"password\":\"New-horse10\"}"
is "the new one is" 200 "$STATUS"

# A browser: the session cookie, its CSRF twin, and their end.
jar=$(mktemp)
trap 'rm -f "$jar"' EXIT
browser() { curl -s -m 20 -b "$jar" -c "$jar" -o /dev/null -w '%{http_code}' "$@"; }
csrf() { awk '$6 == "XSRF-TOKEN" { print $7 }' "$jar"; }
browser -H 'Content-Type: application/json' -d "{\"email\":\"$guest_email\",\"password\":\"New-horse10\"}" "$URL/login" >/dev/null
is "a browser's session is somebody" 200 "$(browser "$URL/api/user")"
is "an unsafe call without its CSRF token is refused" 419 "$(browser -X POST "$URL/logout")"
session=$(awk '$6 == "bureau_session" { print $7 }' "$jar")
is "with it, it signs out" 200 "$(browser -X POST -H "X-XSRF-TOKEN: $(csrf)" "$URL/logout")"
is "the session is over at once" 401 \
    "$(curl -s -m 20 -o /dev/null -w '%{http_code}' -H "Cookie: bureau_session=$session" "$URL/api/user")"
