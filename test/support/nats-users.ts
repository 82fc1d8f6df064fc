/** A NATS that knows its users by signed tokens, with operator, accounts and user as `nsc` has. */
import { nkeys } from "@nats-io/transport-node";

type Keys = ReturnType<typeof nkeys.createUser>;

const encoder = new TextEncoder();

/** Configuration of the server, and the user's credentials file. */
export interface SignedUser {
  config: string;
  credentials: string;
}

/** Makes a server's operator with one account, which may use JetStream, and a user of it. */
export function createSignedUser(): SignedUser {
  const [operator, user] = [nkeys.createOperator(), nkeys.createUser()];
  // JetStream speaks to itself by an account of its own.
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  const unlimited = { subs: -1, data: -1, payload: -1 };
  const limits = {
    ...unlimited,
    conn: -1,
    leaf: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    mem_storage: -1,
    disk_storage: -1,
    streams: -1,
    consumer: -1,
  };
  const entries = [account, system].map((keys) => {
    const token = sign(operator, keys, {
      type: "account",
      limits: keys === account ? limits : unlimited,
    });
    return `${keys.getPublicKey()}: "${token}"`;
  });
  const userToken = sign(account, user, { type: "user", ...unlimited });
  return {
    config: [
      `operator: "${sign(operator, operator, { type: "operator" })}"`,
      "resolver: MEMORY",
      `system_account: ${system.getPublicKey()}`,
      `resolver_preload: { ${entries.join(", ")} }`,
      "",
    ].join("\n"),
    credentials: [
      "-----BEGIN NATS USER JWT-----",
      userToken,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      new TextDecoder().decode(user.getSeed()),
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
  };
}

/** A JSON Web Token in NATS' own algorithm, version 2. */
function sign(issuer: Keys, subject: Keys, nats: object): string {
  const parts = [
    { typ: "JWT", alg: "ed25519-nkey" },
    {
      jti: subject.getPublicKey(),
      iat: 1_700_000_000,
      iss: issuer.getPublicKey(),
      sub: subject.getPublicKey(),
      name: "test",
      nats: { ...nats, version: 2 },
    },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  const signature = issuer.sign(encoder.encode(parts.join(".")));
  return [...parts, Buffer.from(signature).toString("base64url")].join(".");
}
