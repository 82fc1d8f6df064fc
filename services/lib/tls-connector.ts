/** Connections with certificates that may be renewed while a process runs. */
import { buildConnector } from "undici";

/** PEM. */
export interface TlsFiles {
  /** What servers are checked by. @default what Node trusts */
  ca?: Buffer;
  /** Of the client, where it has one. */
  cert?: Buffer;
  key?: Buffer;
}

/**
 * HTTP/1.1, for undici's agents: its HTTP/2 may end a process, by an error of a session that nobody
 * hears, when a connection goes, or is closed, at the wrong moment (8.12).
 */
export const HTTP_1 = { allowH2: false } as const;

/**
 * For undici's `connect`, of an agent that has `HTTP_1`, too.
 * @param read - asked for each new connection, which fails with what it throws
 */
export function createTlsConnector(
  options: buildConnector.BuildOptions,
  read: () => TlsFiles,
): buildConnector.connector {
  let known: TlsFiles = {};
  let connect = buildConnector({ ...options, ...HTTP_1 });
  return (to, callback) => {
    try {
      const files = read();
      if (!isSame(files, known)) {
        // With no session of before: one that is resumed is not checked by the new authority.
        connect = buildConnector({ ...options, ...files, ...HTTP_1 });
        known = files;
      }
    } catch (error) {
      process.nextTick(callback, error, null);
      return;
    }
    connect(to, callback);
  };
}

function isSame(one: TlsFiles, other: TlsFiles): boolean {
  return (["ca", "cert", "key"] as const).every((name) => {
    const [a, b] = [one[name], other[name]];
    return a === undefined || b === undefined ? a === b : a.equals(b);
  });
}
