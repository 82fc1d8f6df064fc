/** What the environment says of the queue's streams. */
import { parseDuration } from "../../../contract/duration.ts";
import type { StreamTerms } from "../../../contract/queue/index.ts";

interface StreamVariables {
  queue_replicas?: number | undefined;
  dead_letter_age: string;
}

export function readStreamTerms({
  queue_replicas: replicas,
  dead_letter_age: age,
}: StreamVariables): StreamTerms {
  return {
    ...(replicas !== undefined && { replicas }),
    deadLetterAgeMs: parseDuration(age),
  };
}
