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
 * For undici's `connect`.
 * @param read - asked for each new connection, which fails with what it throws
 */
export function createTlsConnector(
  options: buildConnector.BuildOptions,
  read: () => TlsFiles,
): buildConnector.connector {
  let known: TlsFiles = {};
  let connect = buildConnector(options);
  return (to, callback) => {
    try {
      const files = read();
      if (!isSame(files, known)) {
        // With no session of before: one that is resumed is not checked by the new authority.
        connect = buildConnector({ ...options, ...files });
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
