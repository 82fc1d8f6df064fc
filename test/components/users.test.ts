/** Users and the issuer of tokens, as `Platform` hands them to the gateway. */
import { afterAll, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../components/errors.ts";
import { checkUsers, toRevision, type User } from "../../components/gateway/credentials.ts";
import { Platform, type PlatformArgs } from "../../components/index.ts";
import { verifyPassword } from "../../contract/password-hash.ts";
import { parseUsers } from "../../services/gateway/auth/users-file.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, reveal } from "./support/mocks.ts";
import { environmentOf } from "./support/objects.ts";

jest.setTimeout(60_000);

const all = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

async function declare(name: string, args: Partial<PlatformArgs>): Promise<Platform> {
  const images = IMAGES;
  const platform = new Platform(name, {
    cluster: fakeCluster(),
    images,
    adminPassword: "admin-pw",
    ...args,
  });
  await settle();
  return platform;
}

function readSecret(name: string): Record<string, string> {
  const { data } = reveal(find(all, `${name}-basic-auth`).inputs) as {
    data: Record<string, string>;
  };
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64").toString()]),
  );
}

const USERS = [
  { name: "ci", password: "canary-ci", role: "deployer", namespaces: ["openfaas-fn", "team-a"] },
  { name: "viewer", password: pulumi.secret("canary-viewer"), role: "reader" },
];

describe("the revision of the credentials", () => {
  const revisionOf = (name: string): string | undefined => {
    const { spec } = find(all, `${name}-gateway`).inputs as {
      spec: { template: { metadata: { annotations: Record<string, string> } } };
    };
    return spec.template.metadata.annotations["plonk/credentials-revision"];
  };

  it("is a digest of the whole Secret, under the Secret's UID, and no secret itself", async () => {
    await declare("revised", { users: USERS });
    const { data } = reveal(find(all, "revised-basic-auth").inputs) as {
      data: Record<string, string>;
    };
    const keys = ["basic-auth-user", "basic-auth-password", "users.yaml"];
    expect(Object.keys(data).sort()).toEqual([...keys].sort());
    const content = JSON.stringify(Object.fromEntries(keys.map((key) => [key, data[key]])));
    const expected = await toRevision([content, "revised-basic-auth-uid"]);
    expect(revisionOf("revised")).toBe(expected);
    expect(expected).toMatch(/^[0-9a-f]{16}$/);
  });

  it("changes with the content and with the UID, and with nothing else", async () => {
    const same = await toRevision(["content", "uid"]);
    expect(await toRevision(["content", "uid"])).toBe(same);
    expect(await toRevision(["other", "uid"])).not.toBe(same);
    expect(await toRevision(["content", "other"])).not.toBe(same);
  });
});

describe("users", () => {
  it("are a file in the Secret that the gateway reads, with hashes of their passwords", async () => {
    await declare("some", { users: USERS });
    const secret = readSecret("some");
    expect(Object.keys(secret).sort()).toEqual([
      "basic-auth-password",
      "basic-auth-user",
      "users.yaml",
    ]);
    const users = parseUsers(secret["users.yaml"] ?? "");
    expect(users.slice(0, -1).map(({ name, roles }) => [name, roles])).toEqual([
      [
        "ci",
        [
          { role: "deployer", namespace: "openfaas-fn" },
          { role: "deployer", namespace: "team-a" },
        ],
      ],
      ["viewer", [{ role: "reader" }]],
    ]);
    expect(await verifyPassword("canary-ci", users[0]?.hash ?? fail())).toBe(true);
    expect(await verifyPassword("canary-viewer", users[1]?.hash ?? fail())).toBe(true);
  });

  it("are secret, and their passwords are nowhere", () => {
    const { inputs } = find(all, "some-basic-auth");
    expect(inputs["data"]).toMatchObject({
      [pulumi.runtime.specialSigKey]: pulumi.runtime.specialSecretSig,
    });
    const everything = JSON.stringify(all);
    expect(everything).not.toContain("canary");
    expect(everything).not.toContain(Buffer.from("canary-ci").toString("base64").slice(0, 11));
  });

  it("have the same hashes each time, so that a preview shows no change", async () => {
    await declare("again", { users: USERS });
    expect(readSecret("again")).toEqual(readSecret("some"));
  });

  it("have salts of their own, which say nothing of their passwords", async () => {
    const users = ["a", "b"].map((name) => ({ name, password: "same", role: "reader" }));
    await declare("salted", { users });
    await declare("other", {
      users: [{ ...users[0], name: "a", role: "reader", password: "else" }],
    });
    const [a, b] = parseUsers(readSecret("salted")["users.yaml"] ?? "").map(({ hash }) => hash);
    const [changed] = parseUsers(readSecret("other")["users.yaml"] ?? "").map(({ hash }) => hash);
    expect(a?.salt.equals(b?.salt ?? Buffer.alloc(0))).toBe(false);
    expect(a?.salt.equals(changed?.salt ?? Buffer.alloc(0))).toBe(true);
  });

  it("are Alertmanager's own alone when there are none: it has the password, and one right", async () => {
    await declare("none", {});
    const users = parseUsers(readSecret("none")["users.yaml"] ?? "");
    expect(users.map(({ name, roles }) => [name, roles])).toEqual([
      ["plonk-alertmanager", [{ role: "alertmanager" }]],
    ]);
    const { data } = reveal(find(all, "none-alertmanager-auth").inputs) as {
      data: Record<string, string>;
    };
    const { "basic-auth-user": user, "basic-auth-password": password } = data;
    const decode = (text = ""): string => Buffer.from(text, "base64").toString();
    expect(decode(user)).toBe("plonk-alertmanager");
    expect(decode(password)).toMatch(/^[-\w]{43}$/);
    expect(await verifyPassword(decode(password), users[0]?.hash ?? fail())).toBe(true);
  });
});

describe("wrong users", () => {
  const user = { name: "ci", password: "canary", role: "reader" };

  it.each<[User[], string]>([
    [[{ ...user, name: "a:b" }], 'users[0].name: expected no colons and no spaces, got "a:b"'],
    [
      [{ ...user, name: "plonk-alertmanager" }],
      'users[0].name: expected one that is not used already, got "plonk-alertmanager"',
    ],
    [[user, user], 'users[1].name: expected one that is not used already, got "ci"'],
    [
      [{ ...user, name: "root" }],
      'users[0].name: expected one that is not used already, got "root"',
    ],
    [[{ ...user, password: "" }], "users[0].password: expected one, got an empty text"],
    [
      [{ ...user, role: "owner" }],
      'users[0].role: expected one of admin, deployer, reader, alertmanager, invoke, got "owner"',
    ],
    [
      [{ ...user, role: "deployer" }],
      'users[0].namespaces: expected some, or ["*"] for all, got none',
    ],
    [
      [{ ...user, namespaces: [] }],
      'users[0].namespaces: expected some, or ["*"] for all, got none',
    ],
  ])("are refused by what is wrong, never with a password: %j", (users, message) => {
    expect(() => checkUsers(users, "root")).toThrow(new ArgumentError(message));
  });

  it("are those that the gateway would refuse: it takes all others", () => {
    const users = [user, { ...user, name: "d", role: "deployer", namespaces: ["*"] }];
    expect(checkUsers(users, "root")).toBe(users);
  });
});

function fail(): never {
  throw new Error("users: expected a hash, got none");
}

describe("the issuer of tokens", () => {
  it("is told to the gateway", async () => {
    await declare("oidc", {
      oidc: { issuer: "https://issuer.example", audience: "plonk", rolesClaim: "groups$(A)$$" },
    });
    expect(environmentOf(all, "oidc-gateway")).toMatchObject({
      oidc_issuer: "https://issuer.example",
      oidc_audience: "plonk",
      // Kubernetes reads it as it was given.
      oidc_roles_claim: "groups$$(A)$$$$",
    });
    expect(environmentOf(all, "oidc-gateway")).not.toHaveProperty("oidc_role_prefix");
  });
});
