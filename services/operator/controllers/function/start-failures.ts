/**
 * Why pods hang before they have containers: a volume that cannot be mounted, a network that is not
 * there. Kubelet says so in Events alone, which are asked for when a pod takes long to be created.
 */
import { type KubernetesClient, resourcePath } from "../../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../../lib/logger.ts";
import type { Metadata, Pod } from "../../kubernetes/types.ts";
import { findCreating, type StartFailure } from "./pod-problem.ts";

export interface StartFailuresOptions {
  client: KubernetesClient;
  logger: Logger;
  /** Milliseconds of a clock that is never set. */
  now: () => number;
}

/** What is known of a pod that is being created. */
export interface Start {
  failure?: StartFailure;
  /** When to ask again; undefined when no pod is being created. */
  waitMs?: number;
}

interface Creation {
  uid: string;
  seenAt: number;
  askAt: number;
  failure?: StartFailure;
}

interface PodEvent {
  metadata: Metadata;
  reason?: string;
  message?: string;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { lastObservedTime?: string } | null;
}

/** Most pods are created sooner. */
const PATIENCE_MS = 5000;

/** Longest wait before Events are asked for again: an image that is pulled takes its time, too. */
const LONGEST_WAIT_MS = 60_000;

/** Kubelet tries again, and says so again, after 2 min 2 s at most: what is older is over. */
const CURRENT_MS = 150_000;

export class StartFailures {
  readonly #options: StartFailuresOptions;
  readonly #creations = new Map<string, Creation>();

  constructor(options: StartFailuresOptions) {
    this.#options = options;
  }

  /** Of the pods of one Function, by its key. Never throws. */
  async find(key: string, pods: readonly Pod[]): Promise<Start> {
    const { uid, namespace = "" } = findCreating(pods)?.metadata ?? {};
    if (uid === undefined) {
      this.#creations.delete(key);
      return {};
    }
    const now = this.#options.now();
    const known = this.#creations.get(key);
    let creation: Creation =
      known?.uid === uid ? known : { uid, seenAt: now, askAt: now + PATIENCE_MS };
    if (now >= creation.askAt) {
      const failure = await this.#ask(namespace, creation);
      const askAt = now + toWait(now - creation.seenAt);
      creation = { uid, seenAt: creation.seenAt, askAt, ...(failure && { failure }) };
    }
    this.#creations.set(key, creation);
    const { failure, askAt } = creation;
    return { waitMs: askAt - now, ...(failure && { failure }) };
  }

  forget(key: string): void {
    this.#creations.delete(key);
  }

  /** What is known stays where there is no answer. */
  async #ask(namespace: string, { uid, failure }: Creation): Promise<StartFailure | undefined> {
    const { client, logger } = this.#options;
    try {
      const { items } = await client.request<{ items: PodEvent[] }>(
        resourcePath({ plural: "events", namespace }),
        { query: { fieldSelector: `involvedObject.uid=${uid},type=Warning` } },
      );
      return toFailure(items, uid);
    } catch (error) {
      logger.warn({ namespace, podUid: uid, reason: messageOf(error) }, "events of a pod not read");
      return failure;
    }
  }
}

/** Longer and longer: half of the time that it has taken so far. */
function toWait(elapsed: number): number {
  return Math.min(Math.max(elapsed / 2, PATIENCE_MS), LONGEST_WAIT_MS);
}

/** The same one of several, as long as it goes on. */
function toFailure(events: readonly PodEvent[], podUid: string): StartFailure | undefined {
  const said = events.filter(({ reason }) => reason !== undefined && reason !== "FailedScheduling");
  const newest = Math.max(...said.map(timeOf));
  const [first] = said
    .filter((event) => timeOf(event) > newest - CURRENT_MS)
    .sort((a, b) => Number(isTimeout(a)) - Number(isTimeout(b)) || firstOf(a) - firstOf(b));
  return first && { podUid, reason: first.reason ?? "", message: first.message ?? "" };
}

/** It only sums up what other Events say: "timed out waiting for the condition". */
function isTimeout({ message = "" }: PodEvent): boolean {
  return message.startsWith("Unable to attach or mount volumes");
}

function timeOf({ metadata, lastTimestamp, eventTime, series }: PodEvent): number {
  return toTime(
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp,
  );
}

function firstOf({ metadata, firstTimestamp, eventTime }: PodEvent): number {
  return toTime(firstTimestamp ?? eventTime ?? metadata.creationTimestamp);
}

function toTime(text = ""): number {
  return Date.parse(text) || 0;
}
