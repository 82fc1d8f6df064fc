# Installs, starts, stops and removes the node.

# Makes the cluster's directory. Nothing else exists before it, and it goes last.
prepare() {
  require_root
  claim_directory
  mkdir -p "$DIR"
  chmod 700 "$DIR"
  for command in start stop remove; do
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
  add_token
  put_file "$CONFIG.given" "$CONFIG" 600 || true
  rm -f "$CONFIG.given"
  if put_file "$1" "$K3S" 755; then cksum <"$K3S" >"$DIR/bin/cksum"; fi
  [ -z "$2" ] || put_file "$2" "$DATA/agent/images/$(basename "$2")" 644 || true
  installation
}

# Stands for what k3s would run with if it were started now.
installation() { cat "$CONFIG" "$DIR/bin/cksum" | cksum | tr ' ' -; }

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
  network_up
  wanted=$(installation)
  if service_is_running; then
    if [ -n "$NETWORK_IS_NEW" ]; then
      say "its network was gone, restarting it"
      stop_everything
    elif [ "$wanted" != "$(cat "$DIR/running" 2>/dev/null)" ]; then
      say "its configuration has changed, restarting k3s"
      service_stop
    fi
  elif [ -s "$DIR/running" ]; then
    say "was not running, starting it"
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
    sleep 0.3
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
  [ -n "$heartbeat" ] && expr "$heartbeat" '>=' "$STARTED_AT" >/dev/null
}

query() { env -i PATH="$PATH" "$K3S" kubectl --kubeconfig "$DIR/kubeconfig" get --raw "$1" 2>/dev/null; }

# The real k3s writes a loopback address, which means another machine outside the node's network.
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
  network_down
  # The lock file goes with the rest.
  exec 9>&-
  rm -rf "$DIR"
}

# Takes in an archive of images, for now and for every later start.
import_image() {
  require_root
  archive=$DATA/agent/images/$1.tar
  put_file "$2" "$archive" 644 || true
  K3S_DATA_DIR=$DATA "$K3S" ctr --namespace k8s.io images import "$archive"
}

forget_image() { rm -f "$DATA/agent/images/$1.tar"; }
