# namespaces.sh - networks for tests: bridges, and namespaces with an address on each. Sourced after
# stack.sh by scripts that have entered namespaces of their own, with which all of it ends.

# namespaces WHAT tool…: skips the script where it cannot work.
namespaces() {
    local what=$1 tool
    shift
    ((EUID == 0)) && unshare -n -m true 2>/dev/null || {
        skip "$what" "no right to make network and mount namespaces"
        exit 0
    }
    for tool in ip setpriv "$@"; do
        command -v "$tool" >/dev/null || {
            skip "$what" "$tool is not installed"
            exit 0
        }
    done
}

declare -A hold=() subnet=()

bridge() { # name network: this side of it is network.1
    subnet[$1]=$2
    ip link add "$1" type bridge && ip link set "$1" up && ip addr add "$2.1/24" dev "$1"
}
net() { # name host bridge…: a namespace with an address in each
    local name=$1 host=$2 bridge
    shift 2
    unshare -n sleep infinity &
    hold[$name]=$!
    until_true 5 in_another "$name" || return 1
    for bridge; do
        ip link add "$bridge.$host" type veth peer name "$bridge" netns "${hold[$name]}" &&
            ip link set "$bridge.$host" master "$bridge" up || return 1
        inside "$name" ip addr add "${subnet[$bridge]}.$host/24" dev "$bridge"
        inside "$name" ip link set "$bridge" up
    done
    inside "$name" ip link set lo up
}
in_another() { # a look that fails is no answer
    local there here
    there=$(readlink "/proc/${hold[$1]}/ns/net") && here=$(readlink /proc/$$/ns/net) && [[ $there != "$here" ]]
}
inside() { # name command…
    local name=$1
    shift
    nsenter --net="/proc/${hold[$name]}/ns/net" -- "$@"
}
