# Whose a directory and a network are. Several clusters share a machine, and each stack undoes only
# what it has made itself.

OWNER_FILE=$DIR/owner

# The stack that the directory belongs to when that is another one; nothing otherwise. A directory
# without a mark is of an earlier version.
other_owner() {
  [ -n "$OWNER" ] && [ -s "$OWNER_FILE" ] || return 0
  owner=$(cat "$OWNER_FILE")
  [ "$owner" = "$OWNER" ] || echo "$owner"
}

# Before anything in the directory is touched.
claim_directory() {
  require_root
  other=$(other_owner)
  [ -z "$other" ] ||
    fail 1 "directory: $DIR belongs to stack $other, not to $OWNER, choose another directory or clusterName"
  [ -n "$OWNER" ] || return 0
  mkdir -p "$DIR"
  echo "$OWNER" >"$OWNER_FILE.new"
  mv "$OWNER_FILE.new" "$OWNER_FILE"
}

# The mark of a link ($1), in the namespace $2 if there is one: the directory of its cluster.
link_mark() {
  ip ${2:+-n "$2"} -o link show dev "$1" 2>/dev/null | sed -n 's/.*\\ *alias \(.*[^ ]\) *$/\1/p'
}

mark_link() { run_ip ${2:+-n "$2"} link set dev "$1" alias "$DIR"; }

# What is there without a mark was made by an earlier version or by a start that was interrupted:
# it is this cluster's when nobody else uses it.
is_own_bridge() {
  mark=$(link_mark "$BRIDGE")
  [ -z "$mark" ] || { [ "$mark" = "$DIR" ]; return; }
  members=$(ip -o link show master "$BRIDGE" 2>/dev/null | sed 's/^[0-9]*: \([^:@]*\).*/\1/')
  [ -z "$members" ] || { [ "$members" = "$VETH" ] && has_own_address; }
}

is_own_namespace() {
  mark=$(link_mark lo "$NETNS")
  [ -z "$mark" ] || { [ "$mark" = "$DIR" ]; return; }
  ! ip -n "$NETNS" link show dev eth0 >/dev/null 2>&1 || has_own_address
}

has_own_address() {
  ip -n "$NETNS" -4 -o addr show dev eth0 2>/dev/null | grep -qF " $NODE_ADDRESS/24 "
}
