# The way of an isolated node to other machines: none, or through this host's own address.

RESOLV_CONF=$DIR/resolv.conf
# Interfaces that this cluster made the host forward for.
FORWARDING=$DIR/forwarding
TABLE=plonk-$CLUSTER

egress_up() {
  case $EGRESS in
  nat) nat_up ;;
  *) nat_down && none_up ;;
  esac
}

# What comes from the node ends at this host. Twice: others switch forwarding on for all
# interfaces, and network managers drop rules that they do not know.
none_up() {
  rm -f "$RESOLV_CONF"
  set_forwarding "$BRIDGE" 0
  ip rule show | grep -q "iif $BRIDGE " || ip rule add pref 998 iif "$BRIDGE" prohibit 2>/dev/null ||
    [ "$(forwarding "$BRIDGE")" = 0 ] ||
    fail $EXIT_NETWORK "could not keep this host from forwarding what the node sends"
}

nat_up() {
  firewall=$(find_firewall) ||
    fail $EXIT_NETWORK "egress: nat needs nft, which is in the package nftables, or iptables; got neither"
  allow_node
  uplinks=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u)
  for uplink in $uplinks; do
    [ "$(forwarding "$uplink")" = 0 ] || is_guarded "$uplink" || continue
    grep -qxF "$uplink" "$FORWARDING" 2>/dev/null || echo "$uplink" >>"$FORWARDING"
  done
  # The rules come first: the host never forwards anything else meanwhile.
  "${firewall}_up"
  for interface in "$BRIDGE" $uplinks; do
    set_forwarding "$interface" 1
    [ "$(forwarding "$interface")" = 1 ] ||
      fail $EXIT_NETWORK "egress: this host does not let $interface forward, set egress to none"
  done
  write_resolv_conf
}

allow_node() {
  while ip rule del iif "$BRIDGE" prohibit 2>/dev/null; do :; done
}

# Idempotent, also where there never was anything.
nat_down() {
  if command -v nft >/dev/null; then nft delete table ip "$TABLE" 2>/dev/null; fi
  if command -v iptables >/dev/null; then iptables_down; fi
  [ -s "$FORWARDING" ] || return 0
  while read -r interface; do
    is_guarded "$interface" || set_forwarding "$interface" 0
  done <"$FORWARDING"
  rm -f "$FORWARDING"
}

# Whether another cluster made the host forward for that interface, and guards it.
is_guarded() {
  { nft list ruleset; iptables -w -S FORWARD; } 2>/dev/null |
    grep -qF -e "iifname \"$1\" oifname != \"plonk*\"" -e "-i $1 ! -o plonk+ "
}

find_firewall() {
  for program in nft iptables; do
    if command -v $program >/dev/null; then echo $program && return 0; fi
  done
  return 1
}

# A table of its own, put in place as a whole. Where this host did not forward before, it becomes
# no router for others: their new connections are dropped, unless somebody publishes a port.
nft_up() {
  nft -f - <<RULES || fail $EXIT_NETWORK "egress: nft took no table $TABLE"
table ip $TABLE
delete table ip $TABLE
table ip $TABLE {
  chain postrouting {
    type nat hook postrouting priority 100
    ip saddr $SUBNET oifname != "$BRIDGE" masquerade
  }
  chain forward {
    type filter hook forward priority 0
    iifname "$BRIDGE" accept
    oifname "$BRIDGE" ct state established,related accept
    oifname "$BRIDGE" drop
    ct status dnat accept
$(guards)
  }
}
RULES
  # A rule that accepts ends only its own table, so others' policy needs one among theirs.
  command -v iptables >/dev/null || return 0
  iptables_down
  ! iptables -w -S FORWARD 2>/dev/null | grep -q '^-P FORWARD DROP' || iptables_accept
}

guards() {
  [ -s "$FORWARDING" ] || return 0
  while read -r interface; do
    echo "    iifname \"$interface\" oifname != \"plonk*\" ct state new drop"
  done <"$FORWARDING"
}

iptables_up() {
  iptables_down
  rule -t nat -A POSTROUTING -s "$SUBNET" ! -o "$BRIDGE" -j MASQUERADE
  [ ! -s "$FORWARDING" ] || while read -r interface; do
    # One match holds where any of its states does, so it takes two.
    rule -I FORWARD -i "$interface" ! -o plonk+ -m conntrack --ctstate NEW \
      -m conntrack ! --ctstate DNAT -j DROP
  done <"$FORWARDING"
  iptables_accept
}

iptables_accept() {
  rule -I FORWARD -o "$BRIDGE" -j DROP
  rule -I FORWARD -o "$BRIDGE" -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
  rule -I FORWARD -i "$BRIDGE" -j ACCEPT
}

rule() {
  iptables -w "$@" -m comment --comment "$TABLE" ||
    fail $EXIT_NETWORK "egress: iptables $* failed"
}

iptables_down() {
  for table in nat filter; do
    iptables -w -t $table -S 2>/dev/null | grep -E -- "--comment \"?$TABLE\"?( |\$)" |
      while read -r _ rest; do
        # The words of a rule, without the quotes that it is shown with.
        # shellcheck disable=SC2086
        iptables -w -t $table -D $(echo "$rest" | tr -d '"') 2>/dev/null
      done
  done
}

forwarding() { cat "/proc/sys/net/ipv4/conf/$1/forwarding" 2>/dev/null; }

set_forwarding() { (echo "$2" >"/proc/sys/net/ipv4/conf/$1/forwarding") 2>/dev/null || true; }

# The host's resolvers, as far as the node reaches them: one on the host's loopback is not among
# them, but systemd-resolved keeps those that it asks itself in a file.
write_resolv_conf() {
  for file in $RESOLVER_FILES; do
    if list_resolvers "$file" | grep -q .; then
      { list_resolvers "$file"; grep -E '^(search|options)[[:space:]]' "$file"; } >"$RESOLV_CONF.new"
      mv "$RESOLV_CONF.new" "$RESOLV_CONF"
      return
    fi
  done
  say "this host's resolver answers on its loopback only, so names outside the cluster are not found"
  : >"$RESOLV_CONF"
}

RESOLVER_FILES="/etc/resolv.conf /run/systemd/resolve/resolv.conf"

list_resolvers() {
  grep -E '^nameserver[[:space:]]' "$1" 2>/dev/null | grep -vE '[[:space:]](127\.|::1|0\.0\.0\.0)'
}
