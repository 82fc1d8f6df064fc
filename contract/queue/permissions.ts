/** What each service may do at the platform's own NATS: no more than it has to. */

import { BODIES, QUEUE, STREAM, SUBJECT } from "./names.ts";

/** The services that log in there, by the names of their Deployments. */
export const NATS_SERVICES = ["gateway", "queue-worker"] as const;
export type NatsService = (typeof NATS_SERVICES)[number];

/** Subjects that a user of NATS may use. */
export interface NatsPermissions {
  publish: readonly string[];
  subscribe: readonly string[];
}

/**
 * What the subjects begin with on which a client is answered. Each has its own, so that none can
 * read another's answers.
 *
 * @param client name of the client, e.g. `plonk-gateway`
 */
export function toInboxPrefix(client: string): string {
  return `_INBOX_${client.replace(/^plonk-/, "")}`;
}

const STREAMS = [STREAM.calls, STREAM.callbacks, STREAM.dead, STREAM.states, BODIES.stream];

/** Subjects of the queue's own that a gateway uses: what it stores, and says beside that. */
const SUBJECTS = [
  QUEUE.subject,
  `${QUEUE.subject}.>`,
  "faas-state.>",
  "faas-dead.>",
  "faas-callback.>",
  `${SUBJECT.hint}.>`,
  `${SUBJECT.cancel}.>`,
  `${BODIES.subject}.>`,
];

/** Requests of JetStream's API about each of the streams. */
function toRequests(streams: readonly string[], verbs: readonly string[]): string[] {
  return streams.flatMap((stream) => verbs.map((verb) => `$JS.API.${verb.replace("*", stream)}`));
}

/** To make the streams, and to read what is in them. Nobody may delete one. */
const BASICS = [
  "$JS.API.INFO",
  ...toRequests(
    [...STREAMS, STREAM.results],
    ["STREAM.INFO.*", "STREAM.CREATE.*", "STREAM.UPDATE.*"],
  ),
  ...toRequests(STREAMS, ["STREAM.MSG.GET.*", "DIRECT.GET.*", "DIRECT.GET.*.>"]),
];

/** Answers of functions: workers write them, gateways read them, and neither does the other. */
const RESULTS_SUBJECT = "faas-result.>";

/** Which consumers there are, and how far they are. */
const CONSUMER_READER = ["CONSUMER.INFO.*.>", "CONSUMER.LIST.*", "CONSUMER.NAMES.*"];

/** Users of the platform's own NATS. */
export const NATS_PERMISSIONS: Readonly<Record<NatsService, NatsPermissions>> = {
  gateway: {
    publish: [
      ...SUBJECTS,
      ...BASICS,
      ...toRequests(STREAMS, ["STREAM.MSG.DELETE.*", "STREAM.PURGE.*", ...CONSUMER_READER]),
      // Many messages at once, for who looks at them.
      ...toRequests(
        [STREAM.dead, STREAM.states],
        ["CONSUMER.CREATE.*", "CONSUMER.DELETE.*.>", "CONSUMER.MSG.NEXT.*.>"],
      ),
      `$JS.API.STREAM.MSG.GET.${STREAM.results}`,
    ],
    subscribe: [`${toInboxPrefix("gateway")}.>`, `${SUBJECT.load}.>`],
  },
  "queue-worker": {
    publish: [
      // Calls of other publishers go to the lane of their function.
      "faas-request.>",
      "faas-state.>",
      "faas-dead.>",
      "faas-callback.>",
      "faas-hint.>",
      `${SUBJECT.load}.>`,
      RESULTS_SUBJECT,
      ...[STREAM.calls, STREAM.callbacks].map((stream) => `$JS.ACK.${stream}.>`),
      ...BASICS,
      ...toRequests(
        [STREAM.calls, STREAM.callbacks],
        [
          ...CONSUMER_READER,
          "CONSUMER.CREATE.*.>",
          "CONSUMER.DURABLE.CREATE.*.>",
          "CONSUMER.DELETE.*.>",
          "CONSUMER.MSG.NEXT.*.>",
        ],
      ),
      // Large answers are kept there until they are called back. A body that is no longer needed:
      // its parts go, and a mark takes its name's place.
      `$JS.API.STREAM.PURGE.${BODIES.stream}`,
      `${BODIES.subject}.>`,
    ],
    subscribe: [`${toInboxPrefix("queue-worker")}.>`, "faas-hint.>", "faas-cancel.>"],
  },
};

/** What a NATS of somebody else's has to allow the one user that gateway and worker share. */
export const SHARED_PERMISSIONS: NatsPermissions = {
  publish: [...SUBJECTS, RESULTS_SUBJECT, `${SUBJECT.load}.>`, ...["$JS.API.>", "$JS.ACK.>"]],
  subscribe: NATS_SERVICES.flatMap((service) => NATS_PERMISSIONS[service].subscribe),
};
