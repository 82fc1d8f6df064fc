/** Pod template of a function: its container, mounts and the restricted security settings. */
import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Volume,
  V1VolumeMount,
} from "@kubernetes/client-node";
import { toLiteral } from "../../../../contract/environment/literal.ts";
import { WATCHDOG_ENV } from "../../../../contract/environment/watchdog.ts";
import {
  ANNOTATION,
  type CallTimeouts,
  codePath,
  drainMs,
  FUNCTION_PATHS,
  type FunctionResource,
  LABEL,
  mergeProfiles,
  PORT,
  PRE_STOP_SECONDS,
  type ProfileSpec,
  pullPolicy,
  watchdogTimeouts,
} from "../../../../contract/index.ts";
import type { Plain } from "../../kubernetes/types.ts";
import {
  hasReadOnlyRoot,
  toContainerSecurity,
  toPlacement,
  toPodSecurity,
  toResources,
} from "./pod-profile.ts";
import { toProbes } from "./probes.ts";

/** What a watchdog needs beside its calls to stop: its own delay, and some slack. */
const STOP_SECONDS = 7;

/** Keys that only the platform reads: a change of them must not start new pods. */
const PLATFORM_KEYS =
  /^(com\.openfaas\.|plonk\/|pulumi\.com\/|kubectl\.kubernetes\.io\/)|^(topic|schedule)$/;

/** Secrets with logins to registries, and profiles. */
export interface PodParts {
  /** Those of the function's `secrets` that are such: they are no files for it. */
  own: readonly string[];
  /** Those of all functions, where their namespace has them. */
  common: readonly string[];
  /** Profiles by name, the last of which goes before the others. @default none */
  profiles?: readonly AppliedProfile[] | undefined;
}

/** Name and `spec` of a profile. */
export type AppliedProfile = readonly [name: string, spec: ProfileSpec];

/** The pod template; equal Functions give equal templates, so that nothing restarts needlessly. */
export function toPodTemplate(
  resource: FunctionResource,
  timeouts: CallTimeouts,
  { own, common, profiles = [] }: PodParts = { own: [], common: [] },
): Plain<V1PodTemplateSpec> {
  const { metadata, spec } = resource;
  const secrets = spec.secrets?.filter((name) => !own.includes(name)) ?? [];
  const pod = {
    resource: { ...resource, spec: { ...spec, secrets } },
    timeouts,
    profile: mergeProfiles(profiles.map(([, profile]) => profile)),
  };
  const restartedAt = metadata.annotations?.[ANNOTATION.restartedAt];
  const annotations = {
    ...dropPlatformKeys(spec.annotations ?? {}),
    ...(restartedAt !== undefined && { [ANNOTATION.restartedAt]: restartedAt }),
  };
  return {
    metadata: {
      labels: { ...dropPlatformKeys(spec.labels ?? {}), [LABEL.function]: spec.name },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: {
      ...toPodSpec(pod),
      ...withItems(
        "imagePullSecrets",
        [...new Set([...own, ...common])].map((name) => ({ name })),
      ),
    },
  };
}

function dropPlatformKeys(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !PLATFORM_KEYS.test(key)));
}

/** What a pod is made of. */
interface PodSource {
  resource: FunctionResource;
  timeouts: CallTimeouts;
  profile: ProfileSpec;
}

function toPodSpec(pod: PodSource): Plain<V1PodSpec> {
  const { resource, timeouts, profile } = pod;
  const account = resource.spec.annotations?.[ANNOTATION.serviceAccount];
  return {
    // Without the token an account would be a name alone.
    automountServiceAccountToken: account !== undefined,
    enableServiceLinks: false,
    ...(account !== undefined && { serviceAccountName: account }),
    ...toPlacement(resource, profile),
    securityContext: toPodSecurity(resource, profile),
    terminationGracePeriodSeconds: graceSeconds(resource, timeouts),
    containers: [toContainer(pod)],
    ...withItems("volumes", toVolumes(pod)),
  };
}

/** Longer than the longest call, so that none is cut off. */
function graceSeconds({ spec }: FunctionResource, timeouts: CallTimeouts): number {
  return PRE_STOP_SECONDS + STOP_SECONDS + Math.ceil(drainMs(spec, timeouts) / 1000);
}

function toContainer(pod: PodSource): Plain<V1Container> {
  const { resource, timeouts, profile } = pod;
  const { spec } = resource;
  return {
    name: spec.name,
    image: spec.image,
    imagePullPolicy: pullPolicy(spec),
    ports: [{ name: "http", containerPort: PORT.function, protocol: "TCP" }],
    env: toEnvironment(resource, timeouts),
    resources: toResources(resource, profile),
    ...toProbes(resource, timeouts),
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    securityContext: toContainerSecurity(resource, profile),
    // The last lines of the log tell why a function ended.
    terminationMessagePolicy: "FallbackToLogsOnError",
    ...withItems("volumeMounts", toMounts(pod)),
  };
}

function toEnvironment(
  { metadata, spec }: FunctionResource,
  timeouts: CallTimeouts,
): Plain<V1EnvVar>[] {
  const variables: Record<string, string> = {
    // The image's user is not the pod's, and of a read-only root nothing else can be written.
    HOME: FUNCTION_PATHS.home,
    ...spec.environment,
    ...watchdogTimeouts(spec, timeouts),
    ...(spec.handler !== undefined && { [WATCHDOG_ENV.process]: spec.handler }),
    ...(spec.code !== undefined && { [WATCHDOG_ENV.module]: codePath(spec.code) }),
    [WATCHDOG_ENV.name]: spec.name,
    [WATCHDOG_ENV.namespace]: metadata.namespace,
  };
  return Object.keys(variables)
    .sort()
    .map((name) => ({ name, value: toLiteral(variables[name] ?? "") }));
}

function toVolumes({ resource, profile }: PodSource): Plain<V1Volume>[] {
  const { spec } = resource;
  const secrets = spec.secrets ?? [];
  return [
    ...(spec.code === undefined
      ? []
      : [{ name: "code", configMap: { name: spec.code.configMap, defaultMode: 0o444 } }]),
    ...(secrets.length === 0
      ? []
      : [
          {
            name: "secrets",
            projected: {
              defaultMode: 0o444,
              sources: secrets.map((name) => ({ secret: { name } })),
            },
          },
        ]),
    ...(hasReadOnlyRoot(resource, profile) ? [{ name: "tmp", emptyDir: {} }] : []),
  ];
}

function toMounts({ resource, profile }: PodSource): Plain<V1VolumeMount>[] {
  const { spec } = resource;
  return [
    ...(spec.code === undefined
      ? []
      : [{ name: "code", mountPath: FUNCTION_PATHS.code, readOnly: true }]),
    ...(spec.secrets === undefined || spec.secrets.length === 0
      ? []
      : [{ name: "secrets", mountPath: FUNCTION_PATHS.secrets, readOnly: true }]),
    ...(hasReadOnlyRoot(resource, profile) ? [{ name: "tmp", mountPath: "/tmp" }] : []),
  ];
}

function withItems<K extends string, T>(key: K, items: T[]): Partial<Record<K, T[]>> {
  return items.length === 0 ? {} : ({ [key]: items } as Record<K, T[]>);
}
