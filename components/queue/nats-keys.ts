/** Secrets of the platform's own NATS: made once, and kept in Pulumi's state from then on. */
import * as pulumi from "@pulumi/pulumi";
import { LOGIN_FILE } from "../../contract/environment/index.ts";
import { NATS_SERVICES, type NatsService } from "../../contract/queue/index.ts";
import { createSecret, type PartContext, toBase64 } from "../kubernetes/workloads.ts";
import {
  createNatsIdentity,
  createRouteIdentity,
  toPublicKey,
  toRouteHosts,
  toSeedFile,
} from "./nats-identity.ts";
import type { QueueSettings } from "./settings.ts";

/** What server and clients have in common. */
export interface NatsKeys {
  /** Secret with the server's certificate and its key, among others. */
  serverSecret: pulumi.Output<string>;
  /** Public keys of the services, not known before there are any. */
  users: pulumi.Output<Record<NatsService, string>>;
  /** Secrets with what each service logs in with. */
  clientSecrets: Record<NatsService, pulumi.Output<string>>;
  /** Secret by which the servers of a cluster know each other; undefined: there is one server. */
  routeSecret: pulumi.Output<string> | undefined;
}

/**
 * Creates the Secret `nats-keys` with all that is random, and one for each service with its part of
 * that. A program draws other numbers each time it runs: only those of the run that makes the
 * Secret count, and everything else is made of what the Secret has, so that it fits together
 * whatever becomes of a run.
 *
 * @param keyRevision another one makes other Secrets; those of before go when nobody mounts them
 * @param replicas servers
 */
export function createNatsKeys(
  context: PartContext,
  { keyRevision: revision, replicas }: Pick<QueueSettings, "keyRevision" | "replicas">,
): NatsKeys {
  const toName = (prefix: string): string =>
    `${prefix}nats-keys${revision === 1 ? "" : `-${revision}`}`;
  const texts = pulumi.secret(context.namespace.apply(createNatsIdentity));
  const secret = createSecret(context, "nats", {
    name: toName(""),
    data: texts.apply((known) => mapValues(known, toBase64)),
    options: { ignoreChanges: ["data"] },
  });
  // In a preview only the id of a Secret that is to be made is said to be unknown.
  const kept = pulumi
    .all([secret.data, secret.id])
    .apply(([data]) => mapValues(data, (text) => Buffer.from(text, "base64").toString()));
  const toClientSecret = (service: NatsService): pulumi.Output<string> => {
    const data = kept.apply((all) => ({
      [LOGIN_FILE.seed]: toBase64(all[toSeedFile(service)] ?? ""),
      [LOGIN_FILE.ca]: toBase64(all[LOGIN_FILE.ca] ?? ""),
    }));
    const name = toName(`${service}-`);
    return createSecret(context, service, { name, data, options: {} }).metadata.name;
  };
  const toUsers = (all: Record<string, string>): Record<NatsService, string> =>
    forServices((service) => toPublicKey(all[toSeedFile(service)] ?? ""));
  const createRouteSecret = (): pulumi.Output<string> => {
    const made = context.namespace.apply((name) =>
      createRouteIdentity(toRouteHosts(name, replicas)),
    );
    const data = pulumi.secret(made).apply((known) => mapValues(known, toBase64));
    const options = { ignoreChanges: ["data"] };
    return createSecret(context, "nats", { name: toName("route-"), data, options }).metadata.name;
  };
  return {
    routeSecret: replicas > 1 ? createRouteSecret() : undefined,
    serverSecret: secret.metadata.name,
    users: pulumi.unsecret(kept.apply(toUsers)),
    clientSecrets: forServices(toClientSecret),
  };
}

function forServices<T>(toValue: (service: NatsService) => T): Record<NatsService, T> {
  const entries = NATS_SERVICES.map((service) => [service, toValue(service)]);
  return Object.fromEntries(entries) as Record<NatsService, T>;
}

function mapValues(texts: Record<string, string>, change: (text: string) => string): typeof texts {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, change(text)]));
}
