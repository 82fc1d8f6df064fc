/** What `up` says where a registry does not take images. */
import { expect, it } from "@jest/globals";
import type { Finished } from "../../support/clone.ts";

/** A stack whose registry wants a password, with the certificate of an authority of its own. */
export interface GuardedStack {
  /** Makes the next `up` push. @returns the registry's name */
  prepare: () => string;
  tryUp: () => Promise<Finished>;
  trust: () => void;
  logIn: (password?: string) => void;
}

const minute = 60_000;

/** Ends with a registry that can be pushed to. */
export function describeRefusals({ prepare, tryUp, trust, logIn }: GuardedStack): void {
  it(
    "an authority that is not trusted is named, and what to do",
    async () => {
      const address = prepare();
      expect(readRefusal(await tryUp())).toMatch(
        new RegExp(
          `^registry ${address}: expected a certificate that this machine trusts; ` +
            "SSL_CERT_FILE=<path> names the authority's; got .*signed by unknown authority.*$",
        ),
      );
      trust();
    },
    5 * minute,
  );

  it(
    "a wrong login is named, and what to do",
    async () => {
      const address = prepare();
      logIn("guessed");
      expect(readRefusal(await tryUp())).toMatch(
        new RegExp(
          `^registry ${address}: expected a login that may push, by docker login ${address} or ` +
            `crane auth login ${address}; got .* 401 Unauthorized.*$`,
        ),
      );
      logIn();
    },
    5 * minute,
  );
}

/** The one line, which comes without the script and not for each image. */
function readRefusal({ code, output }: Finished): string {
  expect(code).not.toBe(0);
  const [, diagnostics = ""] = output.split("Diagnostics:");
  expect(diagnostics).not.toContain("mktemp");
  expect(diagnostics.match(/error: running|error: exit status/g)).toHaveLength(1);
  const lines = diagnostics.split("\n").filter((line) => line.includes("registry 127"));
  return [...new Set(lines.map((line) => line.trim()))].join("\n");
}
