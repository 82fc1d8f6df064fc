/** How a container gets to a server of somebody else's: variables, and a Secret to log in with. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LOGIN_FILE } from "../../contract/environment/index.ts";
import { ArgumentChecks } from "../errors.ts";
import {
  checkField,
  type ExistingNats,
  type ExistingPrometheus,
  type ExistingServer,
  type ServerKind,
} from "./existing-servers.ts";
import { createSecret, type PartContext, toBase64 } from "./workloads.ts";

type Variables = Record<string, pulumi.Input<string>>;

/** What a workload needs of it. */
export interface ServerAccess {
  /** Where it is and where the Secret is mounted, by the names that services read. */
  variables: Variables;
  volumeMounts: k8s.types.input.core.v1.VolumeMount[];
  volumes: k8s.types.input.core.v1.Volume[];
  /** For `dependsOn` of the workload. */
  passed: pulumi.Output<pulumi.Resource[]>;
}

/** Where a server is, and a Secret of the part's namespace with files to log in with. */
export interface ServerLogin {
  /** Address: `tls://host:port`. */
  url: pulumi.Input<string>;
  /** Name of the Secret, with the files that a workload mounts. */
  secretName: pulumi.Input<string>;
}

/** For which workload, and how errors call the server. */
export interface ServerUse {
  kind: ServerKind;
  component: string;
  path: string;
  /** At the platform's own, where that asks who calls. */
  login?: ServerLogin | undefined;
}

/** What a workload needs of several. */
export function joinAccess(...all: readonly ServerAccess[]): ServerAccess {
  const passed = pulumi.all(all.map((access) => access.passed));
  return {
    variables: Object.assign({}, ...all.map(({ variables }) => variables)) as Variables,
    volumeMounts: all.flatMap(({ volumeMounts }) => volumeMounts),
    volumes: all.flatMap(({ volumes }) => volumes),
    passed: passed.apply((resources) => resources.flat()),
  };
}

/**
 * Says where a server is: the platform's own in the part's namespace, or the one that exists, with
 * a Secret `<component>-<server>` where there is anything to log in with.
 */
export function createServerAccess(
  context: PartContext,
  { kind, component, path, login }: ServerUse,
  existing: ExistingNats | ExistingPrometheus | undefined,
): ServerAccess {
  const checks = new ArgumentChecks(context.part);
  const nothing = { volumeMounts: [], volumes: [] };
  if (existing === undefined && login !== undefined) {
    return { ...mountLogin(kind, login), passed: checks.passed };
  }
  if (existing === undefined) {
    const host = pulumi.interpolate`${kind.name}.${context.namespace}`;
    const port = `faas_${kind.name}_port`;
    const variables = { [kind.hostVariable]: host, [port]: `${kind.port}` };
    return { ...nothing, variables, passed: checks.passed };
  }
  const check = (field: string, value: pulumi.Input<string>): pulumi.Output<string> =>
    checks.apply(value, (known) => checkField(kind, [path, field], known));
  const fields = existing as unknown as ExistingServer;
  const data: Record<string, pulumi.Output<string>> = {};
  for (const [field, file] of Object.entries(LOGIN_FILE)) {
    const value = fields[field];
    if (value !== undefined) {
      const text = pulumi.secret(check(field, value));
      data[file] = text.apply(toBase64);
    }
  }
  const url = check("url", existing.url);
  const { passed } = checks;
  const variables = { [`${kind.name}_url`]: url };
  if (Object.keys(data).length === 0) {
    return { ...nothing, variables, passed };
  }
  const secretName = `${component}-${kind.name}`;
  const options = { dependsOn: passed };
  const secret = createSecret(context, component, { name: secretName, data, options });
  return { passed, ...mountLogin(kind, { url, secretName: secret.metadata.name }) };
}

function mountLogin(
  kind: ServerKind,
  { url, secretName }: ServerLogin,
): Omit<ServerAccess, "passed"> {
  const name = `${kind.name}-login`;
  const mountPath = `/var/secrets/${kind.name}`;
  return {
    variables: { [`${kind.name}_url`]: url, [`${kind.name}_secret_path`]: mountPath },
    volumeMounts: [{ name, mountPath, readOnly: true }],
    volumes: [{ name, secret: { secretName } }],
  };
}
