/** The stack's typed configuration: the common settings, and those of its target. */
import * as pulumi from "@pulumi/pulumi";
import { type Static, type TObject, Type } from "typebox";
import { Check, Errors } from "typebox/schema";
import { Profile } from "../components/index.ts";
import { USER_NAME } from "../contract/grammar.ts";
import { findCallbackHostMistake, splitCallbackHosts } from "../contract/queue/index.ts";
import { findStoreMistake, STORE } from "../contract/store.ts";
import { choice, flag, type Setting, type Settings, text } from "./settings.ts";

/** Settings of all targets, except secrets (`SECRETS`). */
export const COMMON = {
  adminUser: text({
    default: "admin",
    pattern: USER_NAME,
    description: "User name for the gateway's REST API",
    expected: "a name without colons and spaces",
  }),
  oidcIssuer: text({
    pattern: "^(https?://.*)?$",
    description: "Issuer of OpenID Connect tokens that the gateway takes; empty for none",
    expected: "an http(s) URL",
  }),
  oidcAudience: text({
    description: "What tokens for the gateway name as their audience; needed with an issuer",
    expected: "a name",
  }),
  oidcRolesClaim: text({
    default: "roles",
    pattern: "^.+$",
    description: "Claim of a token that lists roles such as `plonk:reader`",
    expected: "the name of a claim",
  }),
  profile: choice([Profile.Standard, Profile.Edge], {
    default: Profile.Standard,
    description:
      "How much of a machine the platform takes, `standard` or `edge` (hours of metrics, smaller limits)",
  }),
  examples: flag({ default: true, description: "Whether the example functions are deployed" }),
  callbackAllow: text({
    description:
      "Hosts that asynchronous calls may call back although they are not public: addresses, ranges such as `10.0.0.0/8` and names, separated by commas",
    expected: "addresses, ranges and names",
  }),
  functionStore: text({
    default: STORE.own,
    description:
      "Where the function store at `/store` is from: `own`, `off`, or the https URL of a store document",
    expected: "own, off or an https URL",
  }),
  gatewayUrl: text({
    pattern: "^(https?://.*[^/])?$",
    description:
      "Address under which people reach the gateway; empty for the load balancer's, or a node's with port 31112",
    expected: "an http(s) URL without a slash at its end",
  }),
} satisfies Settings;

/** Descriptions of the settings that are set with `--secret`. */
export const SECRETS = {
  adminPassword: "Password for the gateway's REST API; `npm run up` writes one where there is none",
  users:
    "Users besides the administrator, a JSON list of `name`, `password`, `role` and `namespaces`; it has passwords in it, so set it with `--secret` (docs/authentication.md)",
};

type Values = Readonly<Record<string, unknown>>;

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

/** The configuration that every target gets. */
export interface StackConfig extends Static<TObject<typeof COMMON>> {
  /** Password for the gateway's REST API. */
  adminPassword: pulumi.Output<string>;
  /** Users besides the administrator, with their passwords. Secret. */
  users: UserSettings[];
}

/** The configuration of a target with settings of its own. */
export type TargetConfig<Own extends Settings> = StackConfig & Static<TObject<Own>>;

interface TargetOptions<Own extends Settings, Outputs> {
  /** Shown after its name in the description of `plonk:target`. */
  description: string;
  /** The keys that only this target has. */
  settings: Own;
  /** Declares the stack, and returns its outputs. */
  declare: (config: TargetConfig<Own>) => Promise<Outputs>;
}

/** A place where a stack can run. */
export interface Target<Outputs> extends Omit<TargetOptions<Settings, Outputs>, "declare"> {
  /** Checks the target's own values, and declares the stack. */
  declare: (config: StackConfig, own: Values) => Promise<Outputs>;
}

/** Targets by name. */
export type Targets<Outputs = unknown> = Readonly<Record<string, Target<Outputs>>>;

/** Makes a target, and hides the types of its settings. */
export function defineTarget<Own extends Settings, Outputs>(
  options: TargetOptions<Own, Outputs>,
): Target<Outputs> {
  const { settings, declare } = options;
  return {
    ...options,
    declare: (config, own) => declare({ ...config, ...checkSettings(settings, own) }),
  };
}

/** The key that picks the target. */
export function targetSetting(targets: Targets): Setting {
  const list = Object.entries(targets).map(
    ([name, { description }]) => `\`${name}\` (${description})`,
  );
  return choice(Object.keys(targets), {
    default: "local",
    description: `Where the stack runs: ${list.join(", or ")}`,
  });
}

/**
 * Checks values by their settings.
 *
 * @throws pulumi.RunError with one line for the first value that is wrong
 */
export function checkSettings<Own extends Settings>(
  settings: Own,
  values: Values,
): Static<TObject<Own>> {
  const schema = Type.Object(settings);
  if (Check(schema, values)) {
    return values;
  }
  const [, [first]] = Errors(schema, values);
  const key = first?.instancePath.split("/")[1] ?? "";
  throw new pulumi.RunError(
    `plonk:${key}: expected ${settings[key]?.expected ?? "a value"}, got ${JSON.stringify(values[key])}`,
  );
}

/** The defaults of settings, by key. */
export function toDefaults(settings: Settings): Record<string, string | boolean> {
  return Object.fromEntries(Object.entries(settings).map(([key, each]) => [key, each.default]));
}

/** Reads the configuration of the current stack, and declares the target that it names. */
export async function declareTarget<Outputs>(targets: Targets<Outputs>): Promise<Outputs> {
  const config = new pulumi.Config("plonk");
  const target = pickTarget(targets, config.get("target") ?? "local");
  refuseForeign(config, targets, target);
  const common = checkSettings(COMMON, readValues(config, COMMON));
  checkCallbackAllow(common.callbackAllow);
  checkStore(common.functionStore);
  const secrets = {
    adminPassword: requirePassword(config),
    users: checkUsers(config.get("users") ?? "[]"),
  };
  return target.declare({ ...common, ...secrets }, readValues(config, target.settings));
}

function pickTarget<Outputs>(targets: Targets<Outputs>, name: string): Target<Outputs> {
  const found = Object.entries(targets).find(([each]) => each === name);
  if (found) {
    return found[1];
  }
  const { expected } = targetSetting(targets);
  throw new pulumi.RunError(`plonk:target: expected ${expected}, got ${JSON.stringify(name)}`);
}

function readValues(config: pulumi.Config, settings: Settings): Values {
  const values = Object.entries(settings).map(([key, { default: standard }]) => {
    const value = typeof standard === "boolean" ? config.getBoolean(key) : config.get(key);
    return [key, value ?? standard];
  });
  return Object.fromEntries(values) as Values;
}

/**
 * Refuses keys of other targets, which would have no effect. Their defaults are accepted: Pulumi
 * adds those of Pulumi.yaml to the stack's own values.
 */
function refuseForeign(config: pulumi.Config, targets: Targets, picked: Target<unknown>): void {
  for (const [name, { settings }] of Object.entries(targets)) {
    for (const [key, { default: standard }] of Object.entries(settings)) {
      const isDefault = (config.get(key) ?? String(standard)) === String(standard);
      if (!isDefault && !(key in picked.settings)) {
        throw new pulumi.RunError(
          `plonk:${key}: expected none, as only the target ${name} has it; ` +
            `remove it with pulumi config rm plonk:${key}, or set plonk:target`,
        );
      }
    }
  }
}

/**
 * Checks a list of hosts.
 *
 * @throws pulumi.RunError with one line for the first that gateway and queue-worker would refuse
 */
export function checkCallbackAllow(text: string): void {
  const mistake = splitCallbackHosts(text)
    .map(findCallbackHostMistake)
    .find((each) => each !== undefined);
  if (mistake !== undefined) {
    throw new pulumi.RunError(`plonk:callbackAllow: ${mistake}`);
  }
}

/**
 * Checks where the function store is from.
 *
 * @throws pulumi.RunError with one line that quotes no credentials
 */
function checkStore(source: string): void {
  const mistake = findStoreMistake(source);
  if (mistake !== undefined) {
    throw new pulumi.RunError(`plonk:functionStore: ${mistake}`);
  }
}

/**
 * Reads the list of users.
 *
 * @throws pulumi.RunError with one line that quotes nothing of the list, which has passwords
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
