/** The settings of streams and consumers. */
import { describe, expect, test } from "@jest/globals";
import {
  DEAD_LETTER_AGE_MS,
  HEADER_BYTES,
  QUEUE,
  STREAM,
  STREAMS,
  SUBJECT,
  toBodyAge,
  toCallbackLane,
  toConsumerSettings,
  toDeadSubject,
  toLane,
  toOverSubject,
  toPieceSubject,
  toResultSubject,
  toStateSubject,
  toStreamTerms,
} from "../../../contract/queue/index.ts";

/** Whether a subject is one of a pattern's, by NATS' rules for tokens. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  return (
    wanted.length === tokens.length &&
    wanted.every((token, index) => token === "*" || token === tokens[index])
  );
}

function streamsOf(subject: string): string[] {
  return STREAMS.filter(({ subjects }) =>
    subjects.some((pattern) => matches(pattern, subject)),
  ).map(({ name }) => name);
}

const ID = "1-AAAAAAAAAAAAAAAA";
const reference = { name: "f", namespace: "dev" };

describe("the streams", () => {
  test.each([
    [QUEUE.subject, STREAM.calls],
    [toLane(reference, "slow"), STREAM.calls],
    [toCallbackLane("ab12"), STREAM.callbacks],
    [toDeadSubject(reference), STREAM.dead],
    [toStateSubject(reference, ID), STREAM.states],
    [toResultSubject(reference, ID), STREAM.results],
    [toPieceSubject(reference, ID), STREAM.results],
    [toOverSubject(reference, ID), STREAM.results],
  ])("keep %s in %s alone", (subject, stream) => {
    expect(streamsOf(subject)).toEqual([stream]);
  });

  test.each([`${SUBJECT.hint}.dev.f`, `${SUBJECT.cancel}.1-AAAAAAAAAAAAAAAA`])(
    "do not keep %s",
    (subject) => {
      expect(streamsOf(subject)).toEqual([]);
    },
  );

  test("have no subject in common: their first tokens are no others'", () => {
    const firsts = STREAMS.map(({ subjects }) => [
      ...new Set(subjects.map((each) => each.split(".")[0])),
    ]);
    expect(firsts).toEqual([
      ["faas-request"],
      ["faas-callback"],
      ["faas-dead"],
      ["faas-state"],
      ["faas-result"],
    ]);
  });

  test("refuse what they have no room for, but for states, of which the last is enough", () => {
    const byName = STREAMS.map(({ name, discard, storage, retention }) => [
      ...[name, discard, storage, retention],
    ]);
    expect(byName).toEqual([
      [STREAM.calls, "new", "file", "workqueue"],
      [STREAM.callbacks, "new", "file", "workqueue"],
      [STREAM.dead, "new", "file", "limits"],
      [STREAM.states, "old", "memory", "limits"],
      [STREAM.results, "new", "file", "limits"],
    ]);
  });

  test("have room for the largest message with its headers, and as a letter with its cause", () => {
    const sizes = new Map(STREAMS.map(({ name, max_msg_size }) => [name, max_msg_size ?? 0]));
    expect(sizes.get(STREAM.calls)).toBe(QUEUE.maxMessageBytes + HEADER_BYTES);
    expect(sizes.get(STREAM.callbacks)).toBe(QUEUE.maxMessageBytes + HEADER_BYTES);
    expect(sizes.get(STREAM.dead)).toBe(QUEUE.maxMessageBytes + 2 * HEADER_BYTES);
  });

  test("let results go one by one, and take no more room for them than is set aside", () => {
    const results = STREAMS.find(({ name }) => name === STREAM.results);
    expect(results).toMatchObject({ allow_msg_ttl: true, max_bytes: 256 * 1024 * 1024 });
    const longest = (QUEUE.maxSeconds + 2 * 24 * 3600) * 1e9;
    expect(results?.max_age).toBe(longest);
    // A server keeps what has a shorter time than its own marks as long as those.
    expect(results).not.toHaveProperty("subject_delete_marker_ttl");
  });

  test("know a key of a call for an hour, and keep bodies longer than letters", () => {
    const [calls] = STREAMS;
    expect(calls?.duplicate_window).toBe(3_600_000 * 1e6);
    for (const age of [undefined, 3_600_000, 2 * DEAD_LETTER_AGE_MS]) {
      expect(toBodyAge({ deadLetterAgeMs: age })).toBeGreaterThan(
        ((age ?? DEAD_LETTER_AGE_MS) + QUEUE.maxSeconds * 1000 + 24 * 3_600_000) * 1e6,
      );
    }
  });

  test("are on as many servers as an installation says, and letters as old", () => {
    const terms = { replicas: 3, deadLetterAgeMs: 3_600_000 };
    expect(toStreamTerms(STREAM.calls, terms)).toEqual({ num_replicas: 3 });
    expect(toStreamTerms(STREAM.dead, terms)).toEqual({ num_replicas: 3, max_age: 3600e9 });
    expect(toStreamTerms(STREAM.dead, {})).toEqual({});
  });
});

test("a consumer has one lane, and counts neither deliveries nor messages in flight", () => {
  expect(toConsumerSettings(toLane(reference, "slow"), 60_000)).toEqual({
    durable_name: "faas-workers_dev_f_slow",
    filter_subject: "faas-request.dev.f.slow",
    ack_policy: "explicit",
    ack_wait: 60_000_000_000,
    max_deliver: -1,
    max_ack_pending: -1,
    inactive_threshold: 86_400_000_000_000,
  });
});
