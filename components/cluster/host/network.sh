# The network of an isolated node: a namespace of its own behind a bridge of the host.

# Idempotent. Sets NETWORK_IS_NEW when the namespace had to be made.
network_up() {
  NETWORK_IS_NEW=
  [ -n "$NETNS" ] || return 0
  command -v ip >/dev/null || fail $EXIT_NETWORK "ip: not found, it is in the package iproute2"
  bridge_up
  namespace_up
}

bridge_up() {
  if ip link show dev "$BRIDGE" >/dev/null 2>&1; then
    is_own_bridge || fail $EXIT_NETWORK \
      "subnet: $SUBNET is in use by the cluster in $(link_mark "$BRIDGE"), choose another subnet"
  else
    user=$(ip -4 -o addr show to "$SUBNET" | sed -n '1s/^[0-9]*: \([^ ]*\).*/\1/p')
    [ -z "$user" ] ||
      fail $EXIT_NETWORK "address: $SUBNET is in use by $user, choose another network"
    run_ip link add "$BRIDGE" type bridge
  fi
  mark_link "$BRIDGE"
  run_ip addr replace "$HOST_ADDRESS/24" dev "$BRIDGE"
  egress_up
  run_ip link set "$BRIDGE" up
}

namespace_up() {
  if ! ip netns exec "$NETNS" true 2>/dev/null; then
    # A name without a namespace is what an interrupted start leaves behind.
    ip netns del "$NETNS" 2>/dev/null
    run_ip netns add "$NETNS"
    NETWORK_IS_NEW=1
  fi
  is_own_namespace || fail $EXIT_NETWORK \
    "clusterName: $CLUSTER is in use by the cluster in $(link_mark lo "$NETNS"), choose another name"
  mark_link lo "$NETNS"
  if ! ip -n "$NETNS" link show dev eth0 >/dev/null 2>&1; then
    ip link del "$VETH" 2>/dev/null
    run_ip link add "$VETH" type veth peer name eth0 netns "$NETNS"
  fi
  run_ip link set "$VETH" master "$BRIDGE" up
  run_ip -n "$NETNS" link set lo up
  run_ip -n "$NETNS" addr replace "$NODE_ADDRESS/24" dev eth0
  run_ip -n "$NETNS" link set eth0 up
  # Kubernetes takes a node without a default route for one without network.
  run_ip -n "$NETNS" route replace default via "$HOST_ADDRESS"
  if [ "$EGRESS" = nat ]; then answer_slowly; else refuse_quickly; fi
}

# Nothing answers beyond the host, so say so at once in place of letting callers wait: everything
# but the default route is looked up, then all else is unreachable. Services need a route of their
# own, as their addresses are rewritten only after the first look-up.
refuse_quickly() {
  run_ip -n "$NETNS" route replace "$SERVICE_CIDR" via "$HOST_ADDRESS"
  ip -n "$NETNS" rule show | grep -q '^998:' && return 0
  ip -n "$NETNS" rule add pref 998 lookup main suppress_prefixlength 0 2>/dev/null &&
    ip -n "$NETNS" rule add pref 999 unreachable 2>/dev/null || true
}

# Undoes `refuse_quickly` where the node reaches others.
answer_slowly() {
  for pref in 998 999; do
    while ip -n "$NETNS" rule del pref $pref 2>/dev/null; do :; done
  done
}

run_ip() {
  ip_error=$(ip "$@" 2>&1) || fail $EXIT_NETWORK "ip $*: $ip_error"
}

# Idempotent; also after a network_up that stopped half-way. Another cluster's network stays.
network_down() {
  [ -n "$NETNS" ] || return 0
  command -v ip >/dev/null || return 0
  if [ -e "/run/netns/$NETNS" ] && is_own_namespace; then
    empty_namespace
    is_namespace_left=1
  else
    is_namespace_left=
  fi
  if ! ip link show dev "$BRIDGE" >/dev/null 2>&1 || is_own_bridge; then bridge_down; fi
  if [ -n "$is_namespace_left" ]; then ip netns del "$NETNS" || true; fi
  true
}

# Ends what runs in the namespace, also what that starts meanwhile, and waits for the end.
empty_namespace() {
  turn=0
  while pids=$(ip netns pids "$NETNS" 2>/dev/null) && [ -n "$pids" ] && [ "$turn" -lt 50 ]; do
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
    sleep 0.1
    turn=$((turn + 1))
  done
}

bridge_down() {
  nat_down
  ip link del "$VETH" 2>/dev/null
  while ip rule del iif "$BRIDGE" prohibit 2>/dev/null; do :; done
  ip link del "$BRIDGE" 2>/dev/null
}
