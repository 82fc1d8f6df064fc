/** The keys by which gateways mark queued calls of private functions: Secrets that stay. */
import { randomBytes } from "node:crypto";
import type { V1Volume } from "@kubernetes/client-node";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { MARK_KEY_FILE } from "../../contract/environment/index.ts";
import { openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import type { ServerAccess } from "../kubernetes/server-access.ts";
import { createSecret, type PartContext, toBase64 } from "../kubernetes/workloads.ts";

const FOLDER = "/var/secrets/queue";
const KEY = "key";
const VOLUME = "queue-keys";

const NAME = "gateway-queue-key";

/**
 * Creates the Secret of a number, and that of the number before, which is there already unless the
 * platform begins with another number than 1. A program draws other keys each time it runs: those
 * of the run that makes a Secret stay. Returns what the gateway's pods need of them.
 *
 * @param revision the number; marks that were made under the one before are still read
 */
export function createMarkKeys(context: PartContext, revision: number): ServerAccess {
  const checks = new ArgumentChecks(context.part);
  const isPreview = pulumi.runtime.isDryRun();
  checks.applyAsync(
    pulumi.all([context.cluster.kubeconfig, context.namespace]),
    ([kubeconfig, namespace]) => refuseJump(kubeconfig, { namespace, revision }, isPreview),
  );
  const { passed } = checks;
  const toSource = (number: number, path: string): k8s.types.input.core.v1.VolumeProjection => {
    const { metadata } = createKey(context, number, passed);
    return { secret: { name: metadata.name, items: [{ key: KEY, path }] } };
  };
  const sources = [
    toSource(revision, MARK_KEY_FILE.current),
    ...(revision > 1 ? [toSource(revision - 1, MARK_KEY_FILE.previous)] : []),
  ];
  return {
    variables: { queue_secret_path: FOLDER },
    volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
    volumes: [{ name: VOLUME, projected: { sources } }],
    passed,
  };
}

function createKey(
  context: PartContext,
  revision: number,
  dependsOn: pulumi.Output<pulumi.Resource[]>,
): k8s.core.v1.Secret {
  const text = pulumi.secret(randomBytes(32).toString("base64url"));
  return createSecret(context, "gateway", {
    name: revision === 1 ? NAME : `${NAME}-${revision}`,
    data: { [KEY]: text.apply(toBase64) },
    options: { ignoreChanges: ["data"], dependsOn },
  });
}

/**
 * Refuses a number from which the key of the gateway that is there would be missing: private calls
 * that wait would become dead letters. A preview of a cluster that does not answer passes.
 *
 * @throws ArgumentError naming the numbers that can be
 */
export async function refuseJump(
  kubeconfig: string,
  { namespace, revision }: { namespace: string; revision: number },
  isPreview: boolean,
): Promise<void> {
  const { apps } = await openApi(kubeconfig);
  const gateway = await readIfThere("the key of queued calls", isPreview, () =>
    apps.readNamespacedDeployment({ name: "gateway", namespace }),
  );
  const there = toRevision(gateway?.spec?.template.spec?.volumes ?? []);
  if (there !== undefined && revision !== there && revision !== there + 1) {
    throw new ArgumentError(
      `queueKeyRevision: expected ${there}, or ${there + 1} for another key, as private calls ` +
        `that wait have been accepted under number ${there}, got ${revision}`,
    );
  }
}

/** The number of the key by which the gateway that is there makes marks. */
function toRevision(volumes: readonly V1Volume[]): number | undefined {
  const names = volumes
    .flatMap(({ projected }) => projected?.sources ?? [])
    .filter(({ secret }) => secret?.items?.some(({ path }) => path === MARK_KEY_FILE.current))
    .map(({ secret }) => secret?.name ?? "");
  const [, number = "1"] = /^gateway-queue-key(?:-(\d+))?$/.exec(names[0] ?? "") ?? [];
  return names.length === 0 ? undefined : Number(number);
}
