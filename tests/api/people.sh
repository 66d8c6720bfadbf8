#!/bin/bash
# people.sh - what people see who open the links in mails: the pages, and their forms in a browser
# where there is one. Needs a stack that writes its mail as files.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run

head_of() { curl -s -m 20 -o /dev/null -D - "$@" | tr -d '\r'; }
page=$(head_of -H 'Accept: text/html' "$URL/reset-password?lang=fr&token=x")
like "a reset link opens a page" $'^HTTP/1.1 200.*\nContent-Type: text/html; charset=utf-8' "$page"
like "that loads and sends nothing elsewhere" "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; .*form-action 'none'" "$page"
like "and is kept nowhere" 'Cache-Control: no-store' "$page"
for lang in 'en Choose' 'fr Choisir' 'nl Kies'; do
    like "in the mail's language: ${lang% *}" "<html lang=\"${lang% *}\">.*<h1>${lang#* }" \
        "$(curl -s -m 20 "$URL/reset-password?lang=${lang% *}")"
done
like "without one, in the browser's" '<html lang="nl">' "$(curl -s -m 20 -H 'Accept-Language: nl-BE,nl;q=0.9' "$URL/invitation?token=x")"
like "an unknown one is English" '<html lang="en">' "$(curl -s -m 20 "$URL/invitation?lang=%22%3E%3Cscript%3E")"
for path in $(curl -s "$URL/invitation" | grep -oE '(href|src)="people[^"]*"' | cut -d'"' -f2); do
    like "/$path is there" '^HTTP/1.1 200' "$(head_of "$URL/$path")"
done
like "other verbs are the API's" $'^HTTP/1.1 405.*\nAllow: GET, HEAD, POST$' "$(head_of -X PUT "$URL/reset-password")"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [[ -z $browser ]] || ! command -v node >/dev/null; then
    skip "the forms work in a browser" "no chromium or no node here"
    exit 0
fi

mail_link() { # address, nth mail: its path and query
    local n files=()
    for ((n = 0; n < 100; n++)); do
        mapfile -t files < <(grep -lF "To: <$1>" "$BUREAU_DATA"/mail/*.eml 2>/dev/null | sort -V)
        ((${#files[@]} >= $2)) && break
        sleep 0.1
    done
    LINK=$(sed -n "s#^https\{0,1\}://[^/]*\(/[^ ]*\).*#\1#p" "${files[-1]}" | tr -d '\r')
}
tell() { # what, arguments: SEEN is what the page says then
    printf '%s\n' "$(jq -cn '$ARGS.positional' --args "$@")" >&"${PAGE[1]}"
    [[ $1 == open || $1 == send ]] || return 0
    SEEN=
    read -rt 60 SEEN <&"${PAGE[0]}"
}
seen() { jq -r ".$1" <<<"$SEEN"; }
coproc PAGE { exec node "$ROOT/tests/api/people.mjs" "$URL" "$browser"; }
browser_pid=$PAGE_PID

register Host && host=$TOKEN host_email=$EMAIL || exit 1
http POST /forgot-password '' "{\"email\":\"$host_email\"}"
mail_link "$host_email" 1
tell open "$LINK"
is "the mail's link fills in the address" "true $host_email" "$(seen form) $(seen email)"
is "it fits a phone" false "$(seen wide)"
tell type password New-horse10
tell type again New-horse11
tell send
is "two passwords that differ" "The two passwords differ." "$(seen said)"
tell type password short
tell type again short
tell send
like "a weak one" '^This password is not accepted: .*8' "$(seen said)"
tell type password New-horse10
tell type again New-horse10
tell send
is "a good one is saved" "false Your password has been changed. You can sign in with it now." "$(seen form) $(seen said)"
http POST /login '' "{\"email\":\"$host_email\",\"password\":\"New-horse10\"}"
is "she signs in with it" 200 "$STATUS"
tell open "$LINK"
tell type password New-horse12
tell type again New-horse12
tell send
like "the link is good once" '^This link is no longer good' "$(seen said)"

register Chief && host=$TOKEN || exit 1
http POST /api/organizations "$host" '{"name":"A <b>&amp; {by}"}'
org=$(jq -r .data.id <<<"$BODY")
http POST "/api/organizations/$org/switch" "$host"
register Guest && guest=$TOKEN guest_email=$EMAIL || exit 1
http PUT /api/settings "$host" '{"language":"NL"}'
http POST /api/team/invite "$host" "{\"email\":\"$guest_email\",\"role\":\"member\"}"
mail_link "$guest_email" 1
tell open "$LINK"
is "an invitation says what it is about, as text" "nl true $guest_email Chief nodigt u uit voor A <b>&amp; {by}." \
    "$(seen lang) $(seen form) $(seen email) $(seen about)"
tell type password Wrong-horse9
tell send
is "a wrong password" "Dit is niet het wachtwoord van dit account." "$(seen said)"
tell type password Correct-horse9
tell send
is "the right one joins" "false U hoort nu bij A <b>&amp; {by}. U kunt inloggen." "$(seen form) $(seen said)"
http GET /api/organizations "$guest"
is "at once" 2 "$(jq '.data | length' <<<"$BODY")"
http GET /api/tokens "$guest"
is "the page leaves no token behind" 0 "$(jq '[.data[] | select(.name == "invitation")] | length' <<<"$BODY")"
tell open "$LINK"
like "the invitation is used up" '^false Deze link is niet meer geldig' "$(seen form) $(seen said)"

fresh=fresh.$RANDOM$RANDOM@example.test
http POST /api/team/invite "$host" "{\"email\":\"$fresh\",\"role\":\"member\"}"
mail_link "$fresh" 1
tell open "$LINK"
tell check new
tell type pseudo "fresh$RANDOM$RANDOM"
tell type password Correct-horse9
tell type again Correct-horse9
tell send
like "who has no account yet makes one" '^false U hoort nu bij' "$(seen form) $(seen said)"
http POST /login '' "{\"email\":\"$fresh\",\"password\":\"Correct-horse9\"}"
is "and signs in with it" 200 "$STATUS"
is "nothing was asked of another host" '[]' "$(jq -c .foreign <<<"$SEEN")"
eval "exec ${PAGE[1]}>&-"
wait "$browser_pid" 2>/dev/null
