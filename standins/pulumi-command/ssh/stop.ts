/** Stops a remote command and all processes that it has started. */
import { once } from "node:events";
import type { ClientChannel } from "ssh2";
import { GRACE_MS } from "../output.ts";
import type { Login } from "./login.ts";

/** Time limit for the stop, milliseconds. */
const LIMIT_MS = GRACE_MS + 8000;

/**
 * Closing a connection does not end its commands, and OpenSSH does not forward signals to commands
 * of root. So a second command on the same connection finds the first one: sshd starts each in a
 * session of its own (setsid) and is the parent of both leaders. It reads Linux' /proc in plain sh,
 * without tools that a small system may lack.
 */
const SCRIPT = `
look() { # sets parent, state and session of process $1
  line=
  read -r line 2>/dev/null </proc/$1/stat || [ -n "$line" ] || return 1
  set -- \${line##*) }
  state=$1 parent=$2 session=$4
}
members() { # the living processes of the sessions in $sessions
  for folder in /proc/[0-9]*; do
    look "\${folder#/proc/}" || continue
    case $sessions in *" $session "*) [ "$state" = Z ] || echo "\${folder#/proc/}" ;; esac
  done
}
look $$ || exit 1
own=$session
look "$own" || exit 1
server=$parent
sessions=" "
for folder in /proc/[0-9]*; do
  process=\${folder#/proc/}
  look "$process" || continue
  [ "$parent" = "$server" ] && [ "$session" = "$process" ] && [ "$process" != "$own" ] &&
    sessions="$sessions$process "
done
signal=TERM killed=
left=${GRACE_MS / 100}
while living=$(members) && [ -n "$living" ]; do
  [ -z "$signal" ] || kill -s "$signal" $living 2>/dev/null
  signal=
  sleep 0.1 2>/dev/null || { sleep 1; left=$((left - 9)); }
  left=$((left - 1))
  [ "$left" -gt 0 ] && continue
  [ -z "$killed" ] || exit 0
  killed=yes signal=KILL left=10
done
exit 0
`;

/** Resolves when the command has ended; closes the connection at the time limit. */
export async function stopCommand(login: Login, command: ClientChannel): Promise<void> {
  const timer = setTimeout(() => login.client.destroy(), LIMIT_MS);
  const isClosed = Promise.race([once(command, "close"), login.ended]);
  // A system without sh or /proc may still support the protocol's signals (RFC 4254, 6.9).
  if (!(await runScript(login))) {
    command.signal("TERM");
  }
  await isClosed;
  clearTimeout(timer);
}

/** Whether the script ran to its end. */
function runScript(login: Login): Promise<boolean> {
  return new Promise((resolve) => {
    login.client.exec("exec /bin/sh", (error, channel) => {
      if (error) {
        resolve(false);
        return;
      }
      let status: unknown;
      channel.on("error", () => undefined);
      channel.once("exit", (code: unknown) => (status = code));
      channel.once("close", () => resolve(status === 0));
      channel.resume();
      channel.stderr.resume();
      channel.end(SCRIPT);
    });
  });
}
