# Ends everything that a node has started: k3s, its pods, their mounts.

stop_everything() {
  service_stop
  kill_processes
  # What pods had mounted goes with their namespace.
  unmount_all
  cgroups_down
}

# Processes in the node's cgroup, those whose program lies in the cluster's directory, what is left
# of a supervisor that was killed, and all that those have started; also what they start meanwhile.
kill_processes() {
  turn=0
  while pids=$(list_processes) && [ -n "$pids" ] && [ "$turn" -lt 50 ]; do
    for pid in $pids; do kill_tree "$pid"; done
    sleep 0.1
    turn=$((turn + 1))
  done
}

list_processes() {
  cgroup_processes
  processes_below "$DIR"
  # The words of a command line are separated by zero bytes.
  for cmdline in $(grep -lsaF "$DIR/cluster.sh" /proc/[0-9]*/cmdline); do
    case $({ tr '\0' ' ' <"$cmdline"; } 2>/dev/null) in
    "sh $DIR/cluster.sh supervise ") cmdline=${cmdline#/proc/} && echo "${cmdline%/cmdline}" ;;
    esac
  done
}

# One that is stopped starts no other in the place of a child that is killed. It stops a moment after
# the signal: a process that it is just starting is among its children by then.
kill_tree() {
  kill -STOP "$1" 2>/dev/null
  tries=0
  while grep -qs '^State:[[:space:]]*[RSD]' "/proc/$1/status" && [ "$tries" -lt 20 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
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
