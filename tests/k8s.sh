#!/bin/bash
# k8s.sh - the manifests: kustomize builds them, their types and field names are right, they keep the
# rules of tests/k8s/check.mjs, and promtool takes the alerts. TAP; needs kubectl (or kustomize) and npm.
set -u
. "$(dirname -- "$(readlink -f -- "$0")")/stack.sh"

build() {
    if command -v kustomize >/dev/null; then kustomize build "$1"; else kubectl kustomize "$1"; fi
}
command -v kustomize >/dev/null || command -v kubectl >/dev/null || {
    skip "the manifests" "neither kustomize nor kubectl is installed"
    exit 0
}
work=$(mktemp -d /tmp/bureau-k8s.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work/tests" "$work/docs"
cp -R -- "$ROOT/tests/k8s" "$work/tests/k8s"
cp -- "$ROOT/docs/operations.md" "$work/docs/"
cd "$work/tests/k8s" || exit 1
for overlay in small production; do
    if build "$ROOT/k8s/overlays/$overlay" >"$overlay.yaml" 2>"$work/err"; then
        ok "$overlay: kustomize builds it"
    else
        not_ok "$overlay: kustomize builds it" "$(cat "$work/err")"
    fi
done
command -v npm >/dev/null && timeout 180 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=0 >npm.log 2>&1 || {
    skip "types and rules" "npm is missing or out of reach"
    exit 0
}
for overlay in small production; do
    timeout 60 node check.mjs "$overlay.yaml" "$overlay" "$overlay.ts" rules.yaml || exit 1
    if npx --no-install tsc --noEmit --strict --skipLibCheck --moduleResolution node16 --module node16 "$overlay.ts" >tsc.log 2>&1; then
        ok "$overlay: every field is known and of its type"
    else
        not_ok "$overlay: every field is known and of its type" "$(cut -c1-300 tsc.log | head)"
    fi
done
# The check must be able to fail: a misspelt field and a text for a number.
sed 's/"readinessProbe"/"readinessProb"/; s/"maxUnavailable":0/"maxUnavailable":true/' production.ts >wrong.ts
npx --no-install tsc --noEmit --strict --skipLibCheck --moduleResolution node16 --module node16 wrong.ts >tsc.log 2>&1 &&
    not_ok "planted mistakes are found" || like "planted mistakes are found" readinessProb "$(cat tsc.log)"
sed '/readOnlyRootFilesystem/d; /unhealthyPodEvictionPolicy/d; s/clusterIP: None/clusterIP: 10.0.0.9/' small.yaml >wrong.yaml
is "planted faults break their three rules" 3 "$(node check.mjs wrong.yaml planted wrong.ts none.yaml | grep -c '^not ok')"
if command -v promtool >/dev/null; then
    out=$(promtool check rules rules.yaml 2>&1) && ok "promtool takes the alerts" || not_ok "promtool takes the alerts" "$out"
    echo "# ${out//$'\n'/ }"
else
    skip "promtool takes the alerts" "prometheus is not installed"
fi
# The dashboard asks for numbers that the programs have, in words that Prometheus reads.
jq -r '.panels[].targets[].expr' "$ROOT/deploy/grafana/bureau.json" | sed 's/\$__rate_interval/5m/g' >expressions
missing=
for metric in $(cat expressions rules.yaml | grep -oE '\bbureau_[a-z_]+' | sed -E 's/_(bucket|sum|count)$//' | sort -u); do
    grep -rqF "\"$metric\"" "$ROOT"/common/*.c "$ROOT"/gateway/*.c "$ROOT"/services/core/*.c || missing+=" $metric"
done
is "every number of the alerts and the dashboard exists" "" "$missing"
if command -v promtool >/dev/null; then
    { printf 'groups:\n- name: dashboard\n  rules:\n'; awk '{ gsub(/'"'"'/, "'"''"'"); printf "  - record: dashboard:%d\n    expr: '"'%s'"'\n", NR, $0 }' expressions; } >dashboard.yaml
    out=$(promtool check rules dashboard.yaml 2>&1) && ok "the dashboard's expressions are well-formed ($(wc -l <expressions))" ||
        not_ok "the dashboard's expressions are well-formed" "$out"
fi
