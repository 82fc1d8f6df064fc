/** The administrator of the gateway under test. */

/** A text that only an authorized answer of `/system` contains. */
export const CANARY = "canary-of-the-system";

export const ADMIN = { user: "admin", password: `${CANARY}-password` };

const pair = `${ADMIN.user}:${ADMIN.password}`;

/** The header line that lets a request in. */
export const CREDENTIALS = `Authorization: Basic ${Buffer.from(pair).toString("base64")}`;

/** Whether a value of `Authorization` may let a request in: read as generously as possible. */
export function mayLetIn(value: string): boolean {
  const [, token = ""] = /^\s*basic\s+(.*)$/i.exec(value) ?? [];
  return Buffer.from(token, "base64").toString("latin1") === pair;
}
