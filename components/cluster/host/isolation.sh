# What k3s keeps at fixed places outside its directory, kept apart for each node: a mount namespace
# in which these places lie in the node's directory, or in memory as all of /run does, and a cgroup of
# its own for pods.

# From k3s' documentation (uninstall, air gap) and its sources: state of containerd and flannel,
# namespaces of pods, kubelet, CNI, logs of pods, node password, and where k3s looks for programs that
# another k3s of this host has unpacked, before it unpacks its own.
PLACES="/run/k3s /run/flannel /run/netns /run/containerd /var/lib/kubelet /var/lib/cni
  /var/lib/rancher /var/log/pods /var/log/containers /etc/rancher"
CGROUPS=/sys/fs/cgroup
# Nodes of this machine, a file each that says where; gone after a reboot, as their mounts are.
NODES=/run/plonk
NODES_LOCK=/run/plonk.lock

# A process of k3s in the node's mounts: itself, or of a pod's shim, which goes on without k3s. Its
# kubectl may run at the same time, in the mounts of the host.
find_inside() {
  outside=$(readlink /proc/self/ns/mnt)
  for pid in $(processes_below "$DATA"); do
    mounts=$(readlink "/proc/$pid/ns/mnt" 2>/dev/null) || continue
    [ "$mounts" = "$outside" ] || { echo "$pid" && return 0; }
  done
}

# Becomes a program in the mounts of the node, which are made where no process of it is left; they go
# with the last one. No file keeps them: the kernel does that only in some namespaces.
enter_mounts() {
  inside=$(find_inside)
  [ -z "$inside" ] || exec nsenter ${NETNS:+--net="/run/netns/$NETNS"} --mount="/proc/$inside/ns/mnt" -- "$@"
  # shellcheck disable=SC2016
  exec ${NETNS:+nsenter --net="/run/netns/$NETNS" --} \
    unshare --mount --propagation slave sh -c '
      for place in $1; do
        case $place in
        /run/*) mount -t tmpfs -o mode=755 plonk "$place" ;;
        *) mount --bind "$0$place" "$place" ;;
        esac || exit
      done
      # Where the host asks a resolver of its own, containerd and pods need another.
      [ ! -s "$2" ] || mount --bind "$2" /etc/resolv.conf || exit
      mount --make-rshared / && shift 2 && exec "$@"' "$DIR/host" "$PLACES" "$DIR/resolv.conf" "$@"
}

# One node at a time makes places or removes them. The last one removes the lock, too: who waited for
# that one takes the next one, as others do.
lock_places() {
  while :; do
    exec 8>"$NODES_LOCK"
    flock 8
    [ "$NODES_LOCK" -ef /proc/self/fd/8 ] && return 0
  done
}

# The places must be there to be mounted over; which of them were not is kept in `made`.
make_places() {
  (
    lock_places
    mkdir -p "$NODES"
    echo "$DIR" >"$NODES/$CGROUP"
    for place in $PLACES; do
      case $place in /run/*) ;; *) mkdir -p "$DIR/host$place" ;; esac
      [ -d "$place" ] || { mkdir -p "$place" && echo "$place" >>"$DIR/made"; }
    done
  )
}

# Removing a directory would unmount it from the namespaces of other nodes, so the last node of the
# machine does that, for all of them.
remove_places() {
  [ -e "$NODES/$CGROUP" ] || [ -s "$DIR/made" ] || return 0
  (
    lock_places
    rm -f "$NODES/$CGROUP"
    for node in "$NODES"/*; do
      [ -f "$node" ] || continue
      [ ! -s "$DIR/made" ] || cat "$DIR/made" >>"$(cat "$node")/made"
      exit 0
    done
    [ ! -s "$DIR/made" ] || sort -r "$DIR/made" | while read -r place; do
      rmdir "$place" 2>/dev/null
    done
    rmdir "$NODES" 2>/dev/null
    rm -f "$NODES_LOCK"
  )
}

# The node's own directory in each hierarchy of cgroups, whether or not it exists.
cgroup_directories() {
  if [ -e "$CGROUPS/cgroup.controllers" ]; then
    echo "$CGROUPS/$CGROUP"
    return
  fi
  for hierarchy in "$CGROUPS"/*; do
    [ -L "$hierarchy" ] || [ ! -e "$hierarchy/cgroup.procs" ] || echo "$hierarchy/$CGROUP"
  done
}

# Removes the node's cgroups in which nothing runs; the kernel keeps the others.
remove_empty_cgroups() {
  for directory in $(cgroup_directories); do
    [ ! -d "$directory" ] || find "$directory" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# In front of every start of k3s. kubelet wants to find its root; two that share one take each other's
# pods for orphans. Containers whose shims were killed with k3s are unknown to it: they would go on
# beside those that it starts anew, on the same volumes. For each of their cgroups it would wait 3 s.
cgroups_up() {
  if [ -z "$(find_inside)" ]; then
    for pid in $(cgroup_processes); do kill -KILL "$pid" 2>/dev/null; done
    cgroups_down
  else
    remove_empty_cgroups
  fi
  for controller in cpuset cpu io memory pids; do
    [ ! -e "$CGROUPS/cgroup.controllers" ] ||
      (echo "+$controller" >"$CGROUPS/cgroup.subtree_control") 2>/dev/null || true
  done
  for directory in $(cgroup_directories); do
    mkdir -p "$directory" || fail 1 "$directory: the cgroup of the node could not be made"
    # A new cpuset of cgroup v1 is empty, and nothing can run in it.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$directory/../$file" ] || [ -e "$CGROUPS/cgroup.controllers" ] ||
        cat "$directory/../$file" >"$directory/$file"
    done
  done
}

cgroup_processes() {
  for directory in $(cgroup_directories); do
    [ ! -d "$directory" ] || find "$directory" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -u
}

# The kernel may need a moment after the last process.
cgroups_down() {
  turn=0
  while [ "$turn" -lt 50 ]; do
    remove_empty_cgroups
    left=
    for directory in $(cgroup_directories); do
      [ ! -d "$directory" ] || left=$directory
    done
    [ -n "$left" ] || return 0
    turn=$((turn + 1))
    sleep 0.1
  done
  return 1
}

# containerd may not lower the score of pods for the kernel's killer below its own where root has
# no CAP_SYS_RESOURCE, as in many containers; every pod fails then unless it is told so.
configure_containerd() {
  folder=$DATA/agent/etc/containerd
  if (echo -999 >/proc/self/oom_score_adj) 2>/dev/null; then return 0; fi
  mkdir -p "$folder"
  cat >"$folder/plonk.toml" <<TOML
version = 3
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
TOML
  cat >"$folder/config-v3.toml.tmpl" <<TOML
imports = ["$folder/plonk.toml"]
{{ template "base" . }}
TOML
}
