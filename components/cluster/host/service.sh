# Keeps k3s running: a unit of systemd, a service of OpenRC, or else a small supervisor.

# A log that has grown larger than this is kept once and begun again, bytes.
LOG_MAX=20971520
STOP_SECONDS=30
SERVICE=plonk-$CLUSTER
UNIT=/etc/systemd/system/$SERVICE.service
INIT_SCRIPT=/etc/init.d/$SERVICE

init_system() {
  if [ -n "$SUPERVISED" ]; then echo none
  elif [ -d /run/systemd/system ]; then echo systemd
  elif [ -e /run/openrc/softlevel ]; then echo openrc
  else echo none; fi
}

# Becomes k3s, in the node's network and mounts and with nothing of the caller's environment.
become_k3s() {
  exec 9>&-
  cgroups_up
  # The first stage of k3s unpacks its programs before anything has read the configuration.
  # Collecting garbage twice as often saves a sixth of its memory, and costs it nothing when idle.
  enter_mounts env -i PATH="$CLEAN_PATH" HOME=/root GOGC=50 K3S_DATA_DIR="$DATA" \
    "$K3S" server --config "$CONFIG"
}

# All that k3s needs from the host, in front of every start.
host_up() {
  network_up
  make_places
  configure_containerd
}

service_start() {
  case $(init_system) in
  systemd)
    write_unit >"$UNIT.new" && mv "$UNIT.new" "$UNIT"
    systemctl daemon-reload && systemctl enable --quiet "$SERVICE" && systemctl start "$SERVICE"
    ;;
  openrc)
    write_init_script >"$INIT_SCRIPT.new" && chmod 755 "$INIT_SCRIPT.new" &&
      mv "$INIT_SCRIPT.new" "$INIT_SCRIPT"
    rc-update -q add "$SERVICE" default && rc-service "$SERVICE" start
    ;;
  none) start_supervisor ;;
  esac || fail $EXIT_NOT_READY "the service $SERVICE could not be started"
}

service_is_running() {
  case $(init_system) in
  systemd) systemctl is-active --quiet "$SERVICE" ;;
  openrc) rc-service -q "$SERVICE" status >/dev/null 2>&1 ;;
  none) read_pid "$DIR/supervisor.pid" >/dev/null ;;
  esac
}

# Ends k3s and leaves its pods alone, as a restart of k3s does.
service_stop() {
  case $(init_system) in
  systemd) [ ! -e "$UNIT" ] || systemctl stop "$SERVICE" ;;
  openrc) [ ! -e "$INIT_SCRIPT" ] || rc-service "$SERVICE" stop ;;
  none) end_process "$DIR/supervisor.pid" $STOP_SECONDS ;;
  esac
  # A supervisor that was killed has left its k3s alone.
  end_process "$DIR/k3s.pid" $STOP_SECONDS
}

service_remove() {
  case $(init_system) in
  systemd)
    [ -e "$UNIT" ] || return 0
    systemctl disable --quiet "$SERVICE"
    rm -f "$UNIT"
    systemctl daemon-reload
    ;;
  openrc)
    [ -e "$INIT_SCRIPT" ] || return 0
    rc-update -q del "$SERVICE"
    rm -f "$INIT_SCRIPT"
    ;;
  esac
}

write_unit() {
  cat <<UNIT
[Unit]
Description=Plonk cluster $CLUSTER (k3s)
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/bin/sh $DIR/cluster.sh run
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
TasksMax=infinity
TimeoutStopSec=$STOP_SECONDS
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
UNIT
}

write_init_script() {
  cat <<SCRIPT
#!/sbin/openrc-run
description="Plonk cluster $CLUSTER (k3s)"
supervisor=supervise-daemon
command=/bin/sh
command_args="$DIR/cluster.sh run"
output_log=$LOG
error_log=$LOG
respawn_delay=5
respawn_max=0
depend() { need net; after firewall; }
SCRIPT
}

start_supervisor() {
  env -i PATH="$CLEAN_PATH" HOME=/root \
    setsid sh "$DIR/cluster.sh" supervise </dev/null >>"$LOG" 2>&1 9>&- &
  started=$!
  while ! read_pid "$DIR/supervisor.pid" >/dev/null; do
    kill -0 "$started" 2>/dev/null || return 1
    sleep 0.05
  done
}

# Runs k3s again whenever it ends, more slowly each time, until it is told to stop.
supervise() {
  # The caller's folder may go while this goes on.
  cd /
  stopping='' child='' delay=1
  trap 'stopping=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
  write_pid "$DIR/supervisor.pid" $$
  bound_log &
  bounder=$!
  while [ -z "$stopping" ]; do
    begun=$(date +%s)
    become_k3s &
    child=$!
    # A signal before this line found no child.
    [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
    write_pid "$DIR/k3s.pid" "$child"
    wait_for_child
    ran=$(($(date +%s) - begun))
    [ "$ran" -lt 60 ] || delay=1
    [ -n "$stopping" ] || pause_before_restart
  done
  kill "$bounder" 2>/dev/null
  wait "$bounder"
  rm -f "$DIR/k3s.pid" "$DIR/supervisor.pid"
}

# `wait` also returns when a signal has come, so look whether the process is really gone.
wait_for_child() {
  while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
  done
}

pause_before_restart() {
  echo "$(date -u +%FT%TZ) supervisor: k3s ended with $code after $ran s, again in $delay s"
  sleep "$delay" &
  child=$!
  [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
  wait "$child"
  delay=$((delay < 16 ? delay * 2 : 30))
}

bound_log() {
  # A signal right after the fork must not leave the sleep behind: `$!` is set by then, and a
  # process that is not yet `sleep` would lose a gentler signal.
  trap 'kill -KILL "$!" 2>/dev/null; exit 0' TERM
  while [ -d "/proc/$$" ]; do
    sleep 30 &
    wait "$!"
    [ "$(wc -c <"$LOG")" -le "$LOG_MAX" ] || { cp "$LOG" "$LOG.1" && : >"$LOG"; }
  done
}
