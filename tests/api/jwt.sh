#!/bin/bash
# jwt.sh - document 003's tokens that are good by signature and bad by time.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/../stack.sh"
find_data
find_run

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# token ISSUED EXPIRES: signed with the stack's own key.
token() {
    local key head
    key=$(printf jwt | openssl dgst -sha256 -mac HMAC -macopt "key:$(tr -d '\n' <"$BUREAU_DATA/secret.key")" -r | cut -d' ' -f1)
    head=$(printf '{"typ":"JWT","alg":"HS256"}' | base64url).$(printf '{"iat":%s,"exp":%s,"user":{"id":%s},"organization":%s,"jti":"x"}' "$1" "$2" "$USER_ID" "$ORG" | base64url)
    printf '%s.%s' "$head" "$(printf %s "$head" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64url)"
}

said() { # token: status and message
    http GET /api/tags "$1"
    printf '%s %s' "$STATUS" "$(jq -r '.error.message // "fine"' <<<"$BODY")"
}

register Tokens || exit 1
now=$(date +%s)
is "a token of now is taken" "200 fine" "$(said "$(token "$now" $((now + 100)))")"
is "an expired one is not" "401 Expired token" "$(said "$(token $((now - 200)) $((now - 100)))")"
is "nor one of the future, which is told" \
    "401 Cannot handle token prior to $(date -u -d "@$((now + 3600))" +%Y-%m-%dT%H:%M:%S+0000)" \
    "$(said "$(token $((now + 3600)) $((now + 7200)))")"
is "clocks of gateways may differ a little" "200 fine" "$(said "$(token $((now + 20)) $((now + 100)))")"
