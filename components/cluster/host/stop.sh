# Ends everything that a node has started: k3s, its pods, their mounts.

stop_everything() {
  service_stop
  if [ -x "$K3S" ] && is_own_build; then
    "$K3S" killall --data-dir "$DATA" || true
  fi
  kill_processes
  unmount_all
}

# Ours undoes all that it did by itself; the real k3s leaves that to a script.
is_own_build() { "$K3S" --help 2>/dev/null | grep -q '^  killall '; }

# Processes whose program lies in the cluster's directory, what is left of a supervisor that was
# killed, and all that those have started.
kill_processes() {
  pids=$(list_processes)
  [ -n "$pids" ] || return 0
  for pid in $pids; do kill_tree "$pid"; done
  waited=0
  while [ -n "$(list_processes)" ] && [ "$waited" -lt 50 ]; do
    sleep 0.1
    waited=$((waited + 1))
  done
}

list_processes() {
  ls -l /proc/[0-9]*/exe 2>/dev/null | sed -n "s#.* /proc/\([0-9]*\)/exe -> $DIR/.*#\1#p"
  # The words of a command line are separated by zero bytes.
  for cmdline in $(grep -lsaF "$DIR/cluster.sh" /proc/[0-9]*/cmdline); do
    case $({ tr '\0' ' ' <"$cmdline"; } 2>/dev/null) in
    "sh $DIR/cluster.sh supervise ") cmdline=${cmdline#/proc/} && echo "${cmdline%/cmdline}" ;;
    esac
  done
}

kill_tree() {
  for child_pid in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
    # A function has no variables of its own in POSIX sh, a subshell has.
    (kill_tree "$child_pid")
  done
  kill -KILL "$1" 2>/dev/null
}

list_mounts() {
  while read -r _ _ _ _ mount _; do
    case $mount in "$DIR"/*) echo "$mount" ;; esac
  done </proc/self/mountinfo | sort -r
}

unmount_all() {
  for mount in $(list_mounts); do
    umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null
  done
}

check_stopped() {
  left="$(list_processes)$(list_mounts)"
  [ -z "$left" ] || fail $EXIT_LEFTOVERS "could not be stopped, still there:" $left
}
