/** A folder like the gateway's mounted Secret with the keys of marks, and marks of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QueuedCall } from "../../contract/queue/index.ts";
import {
  makeMark,
  toBodyDigest,
  toMarkedCall,
  toMarkKey,
} from "../../services/gateway/auth/queue-mark.ts";

/** A key that is told by its letter. */
export function keyOf(letter: string): string {
  return letter.repeat(43);
}

export class MarkKeyFolder {
  readonly path = mkdtempSync(join(tmpdir(), "plonk-marks-"));

  constructor(current = keyOf("a"), previous?: string) {
    this.write(current, previous);
  }

  write(current: string, previous?: string): void {
    writeFileSync(join(this.path, "current"), current);
    if (previous === undefined) {
      rmSync(join(this.path, "previous"), { force: true });
    } else {
      writeFileSync(join(this.path, "previous"), previous);
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** The mark that a gateway with a key makes for a call whose body is in its message. */
export function markOf(call: QueuedCall, letter = "a", now = Date.now()): string {
  const body = Buffer.isBuffer(call.body) ? call.body : Buffer.alloc(0);
  const key = toMarkKey(Buffer.from(keyOf(letter)));
  return makeMark(key, toMarkedCall(call), { bodyDigest: toBodyDigest(body), now });
}
