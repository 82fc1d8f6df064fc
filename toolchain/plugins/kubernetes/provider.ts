/** The plugin: configuration and the methods of the provider protocol, for Kubernetes objects. */
import type { EngineLog } from "../lib/engine.ts";
import type {
  CheckRequest,
  CheckResult,
  DiffRequest,
  DiffResult,
  PropertyChange,
  Provider,
} from "../lib/provider.ts";
import { equals, hasUnknown, type Bag } from "../lib/values.ts";
import { createApi, type Api } from "./api.ts";
import { isNotFound, UnreachableError } from "./api-error.ts";
import { checkInputs } from "./check.ts";
import { connect } from "./client.ts";
import { findRules, parseToken, type Gvk } from "./kinds.ts";
import { readTarget } from "./kubeconfig.ts";
import { getString } from "./metadata.ts";
import { diffInputs } from "./replacement.ts";
import {
  createResource,
  deleteResource,
  readResource,
  updateResource,
  type Context,
} from "./resources.ts";
import { checkSettings, readSettings, type Settings } from "./settings.ts";

/** The version whose SDK the plugin serves. */
const VERSION = "4.34.2";

/** What `configure` has made: settings, and a connection that is opened at the first request. */
interface Session {
  settings: Settings;
  namespace: string;
  open(): Promise<Api>;
}

/** The provider, unconfigured. */
export function createProvider(engine: EngineLog, environment: NodeJS.ProcessEnv): Provider {
  let session = openSession(readSettings({}, environment));

  async function toContext(): Promise<Context> {
    return {
      api: await session.open(),
      namespace: session.namespace,
      report: (urn, message) =>
        void engine.log({ severity: "info", message, urn, ephemeral: true }),
    };
  }

  return {
    name: "kubernetes",
    version: VERSION,
    checkConfig: (request) =>
      Promise.resolve({
        inputs: request.newInputs,
        failures: checkSettings(request.newInputs, environment),
      }),
    diffConfig: (request) => Promise.resolve(diffSettings(request, environment)),
    configure({ inputs }) {
      session = openSession(readSettings(inputs, environment));
      return Promise.resolve();
    },
    check: (request) => check(request, session),
    diff: (request) =>
      Promise.resolve(diffInputs(request, parseToken(request.type), session.settings)),
    create: async (request) => createResource(await toContext(), request),
    update: async (request) => updateResource(await toContext(), request),
    read: (request) =>
      orGone(session.settings, async () => readResource(await toContext(), request)),
    async delete(request) {
      await orGone(session.settings, async () => deleteResource(await toContext(), request));
    },
  };
}

function openSession(settings: Settings): Session {
  let pending: Promise<Api> | undefined;
  return {
    settings,
    get namespace() {
      return settings.namespace ?? readTarget(settings)?.namespace ?? "default";
    },
    open() {
      pending ??= connect(settings).then(createApi);
      return pending;
    },
  };
}

async function check(request: CheckRequest, session: Session): Promise<CheckResult> {
  const gvk = parseToken(request.type);
  const isNamespaced = await knowNamespaced(gvk, request, session);
  const namespace = isNamespaced ? session.namespace : undefined;
  return checkInputs(request, { gvk, namespace });
}

/**
 * Built-in kinds are known, a custom resource that exists already shows it, and a new one is
 * looked up. Where it cannot be (the definition comes in the same run) it counts as namespaced.
 */
async function knowNamespaced(gvk: Gvk, request: CheckRequest, session: Session): Promise<boolean> {
  const rules = findRules(gvk);
  if (rules) return rules.namespaced;
  if (getString(request.newInputs, "metadata", "namespace") !== undefined) return true;
  const { oldInputs } = request;
  if (oldInputs) return getString(oldInputs, "metadata", "namespace") !== undefined;
  try {
    return await (await session.open()).isNamespaced(gvk, request.signal);
  } catch (error) {
    if (isNotFound(error) || error instanceof UnreachableError) return true;
    throw error;
  }
}

/** Undefined, for "gone", when the cluster is and the settings say what to make of that. */
async function orGone<T>(settings: Settings, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (settings.deleteUnreachable && error instanceof UnreachableError) return undefined;
    throw error;
  }
}

/**
 * Another cluster means other resources: the provider is replaced, and with it all that is on it.
 * With a `clusterIdentifier` that alone decides, else the cluster of the kubeconfig does.
 */
function diffSettings(request: DiffRequest, environment: NodeJS.ProcessEnv): DiffResult {
  const { oldInputs, newInputs } = request;
  const names = new Set([...Object.keys(oldInputs), ...Object.keys(newInputs)]);
  const changed = [...names].filter((name) => !equals(oldInputs[name], newInputs[name]));
  if (changed.length === 0) return { changed: false };
  const isOther = isOtherCluster(oldInputs, newInputs, environment);
  const decisive = changed.includes("clusterIdentifier") ? "clusterIdentifier" : "kubeconfig";
  const detailedDiff = Object.fromEntries(
    changed.map((name): [string, PropertyChange] => [
      name,
      isOther && (name === decisive || !changed.includes(decisive)) ? "update-replace" : "update",
    ]),
  );
  return { changed: true, detailedDiff };
}

function isOtherCluster(oldInputs: Bag, newInputs: Bag, environment: NodeJS.ProcessEnv): boolean {
  const before = readSettings(oldInputs, environment);
  const after = readSettings(newInputs, environment);
  if (after.clusterIdentifier !== undefined) {
    return (
      before.clusterIdentifier !== undefined && before.clusterIdentifier !== after.clusterIdentifier
    );
  }
  // A kubeconfig that is made in this run: nothing says that it is another cluster.
  if (hasUnknown(newInputs)) return false;
  return toServer(before) !== toServer(after);
}

/** Undefined for a kubeconfig that cannot be read any more. */
function toServer(settings: Settings): string | undefined {
  try {
    return readTarget(settings)?.server;
  } catch {
    return undefined;
  }
}
