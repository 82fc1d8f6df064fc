# What the other parts share: messages, files, locks, and which process is whose.

CLEAN_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PATH=$PATH:$CLEAN_PATH

# The kernel names programs and mounts without symbolic links.
GIVEN_DIR=$DIR
[ ! -d "$DIR" ] || DIR=$(cd "$DIR" && pwd -P)
K3S=$DIR/bin/k3s
CONFIG=$DIR/config.yaml
REGISTRIES=$DIR/registries.yaml
DATA=$DIR/data
LOCK_SECONDS=300
LOG=$DIR/k3s.log

# Exit codes, also those of start.sh, stop.sh and remove.sh.
EXIT_NETWORK=3
EXIT_NOT_READY=4
EXIT_NOT_ROOT=5
EXIT_LEFTOVERS=6

say() { echo "cluster $CLUSTER: $*"; }

# The code and the message of the failure that ends the script.
fail() {
  fail_code=$1
  shift
  echo "cluster $CLUSTER: $*" >&2
  exit "$fail_code"
}

require_root() {
  [ "$(id -u)" -eq 0 ] || fail $EXIT_NOT_ROOT "a node can only be run by root, got user $(id -un)"
}

# What the path of the directory is made of was checked before its links were followed. It goes into
# units, scripts and lists of mounts, where other characters mean something.
case $DIR in
*[!-A-Za-z0-9._/]*)
  fail 1 "directory: must lead to a path of letters, digits and -._, got $GIVEN_DIR which leads to $DIR"
  ;;
esac

# Processes whose program lies below the folder $1, taken literally.
processes_below() {
  ls -l /proc/[0-9]*/exe 2>/dev/null | grep -F "/exe -> $1/" |
    sed -n 's#^[^/]* /proc/\([0-9]*\)/exe -> .*#\1#p'
}

is_installed() { [ -x "$K3S" ] && [ -s "$CONFIG" ]; }

# One script at a time works on a cluster; the lock goes with the process. BusyBox' flock cannot
# wait for a certain time.
lock() {
  exec 9>"$DIR/lock"
  deadline=$(($(date +%s) + LOCK_SECONDS))
  until flock -n 9; do
    [ "$(date +%s)" -lt "$deadline" ] ||
      fail 1 "another script has been working on it for $LOCK_SECONDS s"
    sleep 0.2
  done
}

# When a process began, in ticks since boot: field 22 of its stat, after the name in parentheses.
start_time() {
  stat_line=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The fields are separate words here on purpose.
  # shellcheck disable=SC2086
  set -- ${stat_line##*) }
  echo "${20}"
}

# Process ids are used again, also across reboots, so a pid file tells which process it means.
write_pid() {
  echo "$2 $(start_time "$2") $(cat /proc/sys/kernel/random/boot_id)" >"$1.new"
  mv "$1.new" "$1"
}

# The process that a pid file means, or a failure when it is no more.
read_pid() {
  # It may go at any moment.
  { read -r pid began boot <"$1"; } 2>/dev/null || return 1
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 1
  [ "$began" = "$(start_time "$pid")" ] || return 1
  # A zombie holds a process id and nothing else.
  ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null || return 1
  echo "$pid"
}

# Ends the process of a pid file: asks, waits that many seconds, then kills.
end_process() {
  pid=$(read_pid "$1") || { rm -f "$1"; return 0; }
  kill -TERM "$pid" 2>/dev/null
  waited=0
  while read_pid "$1" >/dev/null; do
    [ "$waited" -lt "$(($2 * 10))" ] || kill -KILL "$pid" 2>/dev/null
    sleep 0.1
    waited=$((waited + 1))
  done
  rm -f "$1"
}

# Puts a file in place at once, so that nobody ever sees half of it. True when it was different.
put_file() {
  if cmp -s "$1" "$2"; then return 1; fi
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.partial" && chmod "$3" "$2.partial" && mv "$2.partial" "$2" ||
    fail 1 "$2: could not be written"
}
