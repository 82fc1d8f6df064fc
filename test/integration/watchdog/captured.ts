/** Functions of another module than the closure's, with what that module has. */
import * as os from "node:os";
import { basename } from "node:path";

const marks = new Map([["x", "!"]]);

export function shout(text: string): string {
  return basename(`/a/${text.toUpperCase()}`) + (marks.get(text) ?? "?") + typeof os.arch();
}

export class Go {
  readonly count = 1;
  go(): string {
    return shout("x") + String(this.count);
  }
}
