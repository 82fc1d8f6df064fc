# Installs, starts, stops and removes the node.

# Archives that k3s takes in when it starts and when they appear.
IMAGES=$DATA/agent/images
IMPORT_SECONDS=300

# Makes the cluster's directory. Nothing else exists before it, and it goes last.
prepare() {
  require_root
  claim_directory
  mkdir -p "$DIR"
  chmod 700 "$DIR"
  for command in start stop remove kubectl; do
    printf '#!/bin/sh\nexec sh "%s/cluster.sh" %s "$@"\n' "$DIR" "$command" >"$DIR/$command.sh.new"
    chmod 755 "$DIR/$command.sh.new"
    mv "$DIR/$command.sh.new" "$DIR/$command.sh"
  done
}

# Puts binary ($1), images ($2) and configuration (on standard input) in place. Prints a number
# that stands for all of it.
install_node() {
  require_root
  lock
  umask 077
  cat >"$CONFIG.given"
  take_registries
  add_token
  put_file "$CONFIG.given" "$CONFIG" 600 || true
  rm -f "$CONFIG.given"
  if put_file "$1" "$K3S" 755; then cksum <"$K3S" >"$DIR/bin/cksum"; fi
  [ -z "$2" ] || put_file "$2" "$IMAGES/$(basename "$2")" 644 || true
  # k3s remembers in it which archives it has taken in, so that a start does not do that again.
  mkdir -p "$IMAGES" && : >>"$IMAGES/.cache.json"
  installation
}

# Stands for what k3s would run with if it were started now.
installation() { cat "$CONFIG" "$DIR/bin/cksum" "$REGISTRIES" 2>/dev/null | cksum | tr ' ' -; }

# What follows the configuration as a second document is that of registries, which k3s wants in a
# file of its own.
take_registries() {
  if grep -qx -e --- "$CONFIG.given"; then
    sed '1,/^---$/d' "$CONFIG.given" >"$REGISTRIES.given"
    put_file "$REGISTRIES.given" "$REGISTRIES" 600 || true
    sed '/^---$/,$d' "$CONFIG.given" >"$CONFIG.first" && mv "$CONFIG.first" "$CONFIG.given"
    rm -f "$REGISTRIES.given"
  else
    rm -f "$REGISTRIES"
  fi
}

# Without a token of the user's, the host makes one and keeps it.
add_token() {
  grep -q '^token:' "$CONFIG.given" && return 0
  if [ ! -s "$DIR/token" ]; then
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$DIR/token.new"
    mv "$DIR/token.new" "$DIR/token"
  fi
  printf 'token: "%s"\n' "$(cat "$DIR/token")" >>"$CONFIG.given"
}

# Idempotent: prints nothing when the node is up. Says what it found when it was not.
start_node() {
  STARTED_AT=
  require_root
  if ! is_installed; then
    say "found an installation that was never finished, nothing to start"
    return 0
  fi
  lock
  host_up
  wanted=$(installation)
  if ! service_is_running; then
    [ ! -s "$DIR/running" ] || say "was not running, starting it"
  elif [ -n "$NETWORK_IS_NEW" ]; then
    say "its network was gone, restarting it"
  elif [ "$wanted" != "$(cat "$DIR/running" 2>/dev/null)" ]; then
    say "its configuration has changed, restarting k3s"
    service_stop
  fi
  # Pods that are still there are in the network of before.
  if [ -n "$NETWORK_IS_NEW" ] && [ -s "$DIR/running" ]; then
    stop_everything
    host_up
  fi
  if ! service_is_running; then
    service_stop
    echo "$wanted" >"$DIR/running"
    STARTED_AT=$(date -u +%FT%TZ)
    service_start
  fi
  wait_until_ready
}

wait_until_ready() {
  deadline=$(($(date +%s) + READY_SECONDS))
  while ! is_ready; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      report_log
      fail $EXIT_NOT_READY "not ready after $READY_SECONDS s ($NOT_READY), see $LOG"
    fi
    service_is_running || { report_log; fail $EXIT_NOT_READY "k3s does not stay up, see $LOG"; }
    sleep 0.5
  done
}

is_ready() {
  NOT_READY="k3s has written no kubeconfig"
  [ -s "$DIR/k3s.yaml" ] || return 1
  write_kubeconfig
  NOT_READY="the API server does not answer"
  query /readyz >/dev/null || return 1
  NOT_READY="node $NODE_NAME is not Ready"
  heartbeat=$(query "/api/v1/nodes/$NODE_NAME" | tr '{' '\n' |
    sed -n 's/^"type":"Ready","status":"True","lastHeartbeatTime":"\([^"]*\)".*/\1/p')
  # A node that was started just now may still be called Ready from before.
  [ -n "$heartbeat" ] && expr "$heartbeat" '>=' "$STARTED_AT" >/dev/null || return 1
  # Kubernetes has no other identity of a cluster: this one is new in every new cluster.
  NOT_READY="namespace kube-system is not there"
  query /api/v1/namespaces/kube-system | sed -n 's/.*"uid":"\([^"]*\)".*/\1/p' >"$DIR/uid.new"
  [ -s "$DIR/uid.new" ] && mv "$DIR/uid.new" "$DIR/uid"
}

# Programs that k3s carries; without its directory it would unpack them once more elsewhere.
# kubectl keeps a cache in the home directory, which is the node's own here.
run_k3s() { env -i PATH="$PATH" HOME="$DIR" K3S_DATA_DIR="$DATA" "$K3S" "$@"; }

run_kubectl() { run_k3s kubectl --kubeconfig "$DIR/kubeconfig" "$@"; }

query() { run_kubectl get --raw "$1" 2>/dev/null; }

# k3s writes a loopback address, which means another machine outside the node's network.
write_kubeconfig() {
  (
    umask 077
    sed "s#https://127.0.0.1:#https://$NODE_ADDRESS:#" "$DIR/k3s.yaml" >"$DIR/kubeconfig.new"
    mv "$DIR/kubeconfig.new" "$DIR/kubeconfig"
  )
}

report_log() {
  echo "the last lines of $LOG:" >&2
  tail -n 20 "$LOG" >&2 || true
}

# Ends k3s and all pods. What they have written stays.
stop_node() {
  require_root
  [ -d "$DIR" ] || return 0
  lock
  stop_everything
  check_stopped
}

# Leaves the host as it was. Idempotent, also after a start that stopped half-way.
remove_node() {
  require_root
  other=$(other_owner)
  [ -z "$other" ] || { say "$DIR belongs to stack $other, left alone" && return 0; }
  if [ -d "$DIR" ]; then lock; fi
  # Nobody needs what an orderly end would still write.
  STOP_SECONDS=1
  stop_everything
  check_stopped
  service_remove
  remove_places
  network_down
  # The lock file goes with the rest.
  exec 9>&-
  rm -rf "$DIR"
}

# Takes in an archive of an image, for now and for every later start. k3s does that by itself; it
# also gives the image its name by digest, which pods ask for. The digest is part of the file's name,
# as k3s tells archives apart by their size.
import_image() {
  require_root
  file=$IMAGES/$(image_file "$1" "$3")
  for old in "$IMAGES/$1"-????????????.tar; do
    [ "$old" = "$file" ] || rm -f "$old"
  done
  failures=$(import_failures "$file" | wc -l)
  put_file "$2" "$file" 644 || true
  deadline=$(($(date +%s) + IMPORT_SECONDS))
  until has_image "$3"; do
    # Fewer are left where the log was begun again meanwhile.
    [ "$(import_failures "$file" | wc -l)" -le "$failures" ] ||
      fail 1 "image $1: k3s could not take it in:" "$(import_failures "$file" | tail -n 1)"
    [ "$(date +%s)" -lt "$deadline" ] ||
      fail 1 "image $1: k3s has not taken it in after $IMPORT_SECONDS s, see $LOG"
    sleep 0.5
  done
}

# What k3s says of an archive that it cannot read.
import_failures() { grep -F "failed to import $1:" "$LOG"; }

image_file() { echo "$1-$(expr "$2" : 'sha256:\(............\)').tar"; }

has_image() {
  (enter_mounts env -i PATH="$PATH" K3S_DATA_DIR="$DATA" \
    "$K3S" ctr --namespace k8s.io images list --quiet) 2>/dev/null | grep -q "@$1\$"
}

forget_image() { rm -f "$IMAGES/$1"-????????????.tar; }
