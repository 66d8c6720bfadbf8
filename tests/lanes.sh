# lanes.sh - tests that run beside others. Sourced by tests/run and .ci/run, which count in passed,
# failed and skipped, and have a directory WORK.

declare -A lanes=()

# lane_begin NAME function: what it says and counts is kept until lane_end.
lane_begin() {
    (
        [[ -z ${BUREAU_EXCHANGES:-} ]] || BUREAU_EXCHANGES+=.$1 # two writers would mix their lines
        passed=0 failed=0 skipped=0
        "$2"
        echo "$passed $failed $skipped" >"$WORK/lane.$1.counts"
    ) >"$WORK/lane.$1" 2>&1 &
    lanes[$1]=$!
}

lane_end() { # NAME
    local counts
    [[ -n ${lanes[$1]:-} ]] || return 0
    wait "${lanes[$1]}"
    unset "lanes[$1]"
    cat "$WORK/lane.$1"
    [[ ! -s $WORK/exchanges.$1 ]] || cat "$WORK/exchanges.$1" >>"$WORK/exchanges"
    read -ra counts <"$WORK/lane.$1.counts" || counts=(0 1 0) # it did not come to its end
    passed=$((passed + counts[0])) failed=$((failed + counts[1])) skipped=$((skipped + counts[2]))
}

# For the end of a run that was interrupted: ends their programs, which end what they started.
lanes_stop() {
    local lane child
    for lane in "${lanes[@]}"; do
        child=$(pgrep -P "$lane")
        kill -TERM "$lane" $child 2>/dev/null
        [[ -z $child ]] || timeout 20 tail --pid="${child%%$'\n'*}" -f /dev/null
    done
    lanes=()
}
