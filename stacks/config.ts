/** The stack's configuration, typed: the same keys, defaults and meanings as in Pulumi.yaml. */
import * as pulumi from "@pulumi/pulumi";
import { type Static, Type } from "typebox";
import { Check, Errors } from "typebox/schema";
import { Egress, Profile } from "../components/index.ts";

/** The targets that there are; each has a file beside this one. */
export const TARGETS = ["local", "existing"] as const;
export type Target = (typeof TARGETS)[number];

const Settings = Type.Object({
  target: Type.Enum([...TARGETS]),
  adminUser: Type.String({ pattern: "^[^:\\s]+$" }),
  profile: Type.Enum([Profile.Standard, Profile.Edge]),
  examples: Type.Boolean(),
  clusterName: Type.String({ pattern: "^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$" }),
  subnet: Type.String({ pattern: "^198\\.1[89]\\.[0-9]{1,3}\\.0/24$" }),
  egress: Type.Enum([Egress.Nat, Egress.None]),
  registries: Type.String({ pattern: "^(/.*)?$" }),
  kubeconfig: Type.String(),
  kubeContext: Type.String(),
  // Without a scheme, and not ending in a slash: images are named after it.
  registry: Type.String({ pattern: "^([^/:\\s]+(:\\d+)?(/[^/\\s]+)*)?$" }),
  imageCommand: Type.String(),
  nodeAddress: Type.String({ pattern: "^[^/\\s]*$" }),
  storageClass: Type.String(),
  architectures: Type.String({ pattern: "^((amd64|arm64)(,(amd64|arm64))*)?$" }),
  networkPolicy: Type.Boolean(),
  loadBalancer: Type.Boolean(),
  gatewayUrl: Type.String({ pattern: "^(https?://.*[^/])?$" }),
  oidcIssuer: Type.String({ pattern: "^(https?://.*)?$" }),
  oidcAudience: Type.String(),
  oidcRolesClaim: Type.String({ minLength: 1 }),
});

/** Everything but secrets. */
export type Settings = Static<typeof Settings>;

const Users = Type.Array(
  Type.Object(
    {
      name: Type.String(),
      password: Type.String(),
      role: Type.String(),
      namespaces: Type.Optional(Type.Array(Type.String())),
    },
    { additionalProperties: false },
  ),
);

/** One user, with the password. */
export type UserSettings = Static<typeof Users>[number];

/** The stack's configuration. */
export interface StackConfig extends Settings {
  /** Password for the gateway's REST API. */
  adminPassword: pulumi.Output<string>;
  /** Users besides the administrator, with their passwords: not to be shown. */
  users: UserSettings[];
}

/** What is expected, in words, for the line that a wrong value gets. */
const EXPECTED: Record<keyof Settings, string> = {
  target: `one of ${TARGETS.join(", ")}`,
  adminUser: "a name without colons and spaces",
  profile: `one of ${Object.values(Profile).join(", ")}`,
  examples: "true or false",
  clusterName: "1 to 32 lower-case letters, digits and hyphens",
  subnet: "a /24 of 198.18.0.0/15, e.g. 198.18.0.0/24",
  egress: "nat or none",
  registries: "an absolute path",
  kubeconfig: "a path",
  kubeContext: "a name",
  registry: "a registry and path, e.g. registry.example.com/plonk",
  imageCommand: "a command",
  nodeAddress: "a name or an address",
  storageClass: "a name",
  architectures: "amd64, arm64, or amd64,arm64",
  networkPolicy: "true or false",
  loadBalancer: "true or false",
  gatewayUrl: "an http(s) URL without a slash at its end",
  oidcIssuer: "an http(s) URL",
  oidcAudience: "a name",
  oidcRolesClaim: "the name of a claim",
};

/**
 * Checks settings as they come from the configuration.
 *
 * @throws pulumi.RunError with one line for the first setting that is wrong
 */
export function checkSettings(values: Record<keyof Settings, unknown>): Settings {
  if (Check(Settings, values)) {
    return values;
  }
  const [, [first]] = Errors(Settings, values);
  const key = (first?.instancePath.split("/")[1] ?? "target") as keyof Settings;
  throw new pulumi.RunError(
    `plonk:${key}: expected ${EXPECTED[key]}, got ${JSON.stringify(values[key])}`,
  );
}

/** As in Pulumi.yaml, where people read them. */
export const DEFAULTS: Record<keyof Settings, string | boolean> = {
  target: "local",
  adminUser: "admin",
  profile: Profile.Standard,
  examples: true,
  clusterName: "local",
  subnet: "198.18.0.0/24",
  egress: Egress.None,
  registries: "",
  kubeconfig: "",
  kubeContext: "",
  registry: "",
  imageCommand: "",
  nodeAddress: "",
  storageClass: "",
  architectures: "",
  networkPolicy: false,
  loadBalancer: false,
  gatewayUrl: "",
  oidcIssuer: "",
  oidcAudience: "",
  oidcRolesClaim: "roles",
};

/** Reads the configuration of the current stack. */
export function readConfig(): StackConfig {
  const config = new pulumi.Config("plonk");
  const values = Object.entries(DEFAULTS).map(([key, standard]) => {
    const value = typeof standard === "boolean" ? config.getBoolean(key) : config.get(key);
    return [key, value ?? standard];
  });
  const settings = checkSettings(Object.fromEntries(values) as Record<keyof Settings, unknown>);
  return {
    ...settings,
    adminPassword: requirePassword(config),
    users: checkUsers(config.get("users") ?? "[]"),
  };
}

/**
 * Reads the list of users.
 *
 * @throws pulumi.RunError with one line that shows nothing of the list: it is full of passwords
 */
export function checkUsers(text: string): UserSettings[] {
  try {
    const users: unknown = JSON.parse(text);
    if (Check(Users, users)) {
      return users;
    }
  } catch {
    // The parser's message quotes the text.
  }
  throw new pulumi.RunError(
    'plonk:users: expected JSON such as [{"name": "ci", "password": "…", "role": "deployer", "namespaces": ["openfaas-fn"]}]',
  );
}

function requirePassword(config: pulumi.Config): pulumi.Output<string> {
  const password = config.getSecret("adminPassword");
  if (password) {
    return password;
  }
  throw new pulumi.RunError(
    "plonk:adminPassword: expected a password, got none; " +
      "set one with pulumi config set --secret plonk:adminPassword",
  );
}
