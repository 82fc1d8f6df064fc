/**
 * Labels, annotations and environment variables that mean something to the platform, and which
 * values they may have. A limit that functions set by one more of them is one more line here.
 */
import {
  ABSOLUTE_PATH,
  COUNT,
  DNS_NAME,
  DURATION,
  isMatch,
  ORIGINS,
  PROPORTION_TEXT,
} from "../grammar.ts";
import { ANNOTATION, LABEL, SCALE } from "../names.ts";
import { QUEUE_NAME, QUEUE_NAME_WORDS } from "../queue/queue-names.ts";
import { MAX_ATTEMPTS, RETRY_ANNOTATION, RETRY_CODES } from "../queue/retry-policy.ts";
import { readTimeout, TIMEOUT_LABELS, WATCHDOG_TIMEOUTS } from "../timeouts.ts";
import { SCALE_TYPES } from "./autoscale.ts";
import { PULL_POLICIES } from "./image-pull.ts";
import { MAX_PROFILE_NAMES, PROFILE_NAMES } from "./profile.ts";

export interface ValueRule {
  map: "labels" | "annotations" | "environment";
  key: string;
  /** A noun phrase. */
  expected: string;
  accepts: (text: string) => boolean;
  /** The same in CEL, by which the API server asks it of the text that `value` stands for. */
  toCel: (value: string) => string;
}

type Test = Pick<ValueRule, "expected" | "accepts" | "toCel">;

function wholeNumber(from: number, to: number): Test {
  return {
    expected: `a whole number from ${from} to ${to}`,
    accepts: (text) => isMatch(COUNT, text) && Number(text) >= from && Number(text) <= to,
    toCel: (value) =>
      `${value}.matches('${COUNT}') && int(${value}) >= ${from} && int(${value}) <= ${to}`,
  };
}

/** A duration of so many seconds. @param expected - in words */
function duration(expected: string, from: number, to: number): Test {
  return {
    expected,
    accepts: (text) => {
      const milliseconds = readTimeout(text);
      return milliseconds !== undefined && milliseconds >= from * 1000 && milliseconds <= to * 1000;
    },
    toCel: (value) => {
      const ofSeconds = (bound: number): string => `duration('${bound}s')`;
      const least = from > 0;
      const whole = [
        `${value}.matches('${COUNT}')`,
        `int(${value}) <= ${to}`,
        ...(least ? [`int(${value}) >= ${from}`] : []),
      ];
      const inParts = [
        `${value}.matches('${DURATION}')`,
        `duration(${value}) <= ${ofSeconds(to)}`,
        ...(least ? [`duration(${value}) >= ${ofSeconds(from)}`] : []),
      ];
      return `${value}.matches('^[0-9]+$') ? ${whole.join(" && ")} : ${inParts.join(" && ")}`;
    },
  };
}

const DAY_SECONDS = 86_400;

const TIMEOUT = duration("a duration such as 30s, at most 24h", 0, DAY_SECONDS);

/** Part of a target that is aimed at. */
const PROPORTION: Test = {
  expected: "a number from 0.01 to 1",
  accepts: (text) => isMatch(PROPORTION_TEXT, text) && Number(text) >= 0.01 && Number(text) <= 1,
  toCel: (value) =>
    `${value}.matches('${PROPORTION_TEXT}') && double(${value}) >= 0.01 && double(${value}) <= 1.0`,
};

/** One of some words. */
function oneOf(words: readonly string[]): Test {
  return {
    expected: words.join(" or "),
    accepts: (text) => words.includes(text),
    toCel: (value) => `${value} in ['${words.join("', '")}']`,
  };
}

const LABEL_TESTS: readonly [label: string, test: Test][] = [
  [LABEL.scaleMin, wholeNumber(0, SCALE.hardMax)],
  [LABEL.scaleMax, wholeNumber(1, SCALE.hardMax)],
  [LABEL.scaleFactor, wholeNumber(0, 100)],
  [LABEL.scaleZero, oneOf(["true", "false"])],
  [LABEL.scaleZeroDuration, duration("a duration from 10s to 24h", 10, DAY_SECONDS)],
  [LABEL.scaleTarget, wholeNumber(1, 999_999_999)],
  [LABEL.scaleTargetProportion, PROPORTION],
  [LABEL.scaleType, oneOf(Object.keys(SCALE_TYPES))],
  [LABEL.scaleDownWindow, duration("a duration such as 1m, at most 1h", 0, 3600)],
  [LABEL.maxInflight, wholeNumber(0, 999_999_999)],
  ...TIMEOUT_LABELS.map((label): [string, Test] => [label, TIMEOUT]),
];

const DNS_NAME_TEST: Test = {
  expected: "1 to 253 lower-case letters, digits, hyphens and dots (RFC 1123)",
  accepts: (text) => text.length <= 253 && isMatch(DNS_NAME, text),
  toCel: (value) => `size(${value}) <= 253 && ${value}.matches('${DNS_NAME}')`,
};

const PATH_TEST: Test = {
  expected: "an absolute path without blanks",
  accepts: (text) => isMatch(ABSOLUTE_PATH, text),
  toCel: (value) => `${value}.matches('${ABSOLUTE_PATH}')`,
};

/** As Kubernetes has them: of all but the delay, one is the least. */
const PROBE_TESTS: readonly [field: string, test: Test][] = [
  ["path", PATH_TEST],
  ["initialDelaySeconds", wholeNumber(0, 86_400)],
  ["periodSeconds", wholeNumber(1, 86_400)],
  ["timeoutSeconds", wholeNumber(1, 86_400)],
  ["failureThreshold", wholeNumber(1, 86_400)],
];

const RETRY_CODES_TEST: Test = {
  expected: "HTTP statuses such as 429,503",
  accepts: (text) => isMatch(RETRY_CODES, text),
  toCel: (value) => `${value}.matches('${RETRY_CODES}')`,
};

const QUEUE_NAME_TEST: Test = {
  expected: QUEUE_NAME_WORDS,
  accepts: (text) => isMatch(QUEUE_NAME, text),
  toCel: (value) => `${value}.matches('${QUEUE_NAME}')`,
};

const PROFILES_TEST: Test = {
  expected: "names of profiles with commas between them",
  accepts: (text) => text.length <= MAX_PROFILE_NAMES && isMatch(PROFILE_NAMES, text),
  toCel: (value) =>
    `size(${value}) <= ${MAX_PROFILE_NAMES} && ${value}.matches('${PROFILE_NAMES}')`,
};

const ANY_HOST = "https?://[-.:a-z0-9]+";

const ORIGINS_TEST: Test = {
  expected: "origins such as https://a.example, or *",
  accepts: (text) => isMatch(ORIGINS, text),
  // A longer pattern costs more than the API server allows; the operator asks the whole of it.
  toCel: (value) => `${value}.matches('^([*]|${ANY_HOST}(, ?${ANY_HOST})*)$')`,
};

const USER_NUMBER = wholeNumber(1, 999_999_999);

/** Not root; a name is no good, as no node can tell whose it is before the image runs. */
const USER_TEST: Test = {
  expected: `image or ${USER_NUMBER.expected}`,
  accepts: (text) => text === "image" || USER_NUMBER.accepts(text),
  toCel: (value) => `${value} == 'image' || (${USER_NUMBER.toCel(value)})`,
};

const ANNOTATION_TESTS: readonly [annotation: string, test: Test][] = [
  ...[ANNOTATION.healthProbe, ANNOTATION.readyProbe].flatMap((prefix) =>
    PROBE_TESTS.map(([field, test]): [string, Test] => [prefix + field, test]),
  ),
  [`${ANNOTATION.readyProbe}successThreshold`, wholeNumber(1, 86_400)],
  [ANNOTATION.serviceAccount, DNS_NAME_TEST],
  [ANNOTATION.maxWaiting, wholeNumber(1, 999_999_999)],
  [ANNOTATION.imagePullPolicy, oneOf(PULL_POLICIES)],
  [ANNOTATION.user, USER_TEST],
  [ANNOTATION.queue, QUEUE_NAME_TEST],
  [ANNOTATION.profile, PROFILES_TEST],
  [ANNOTATION.asyncOrigins, ORIGINS_TEST],
  [RETRY_ANNOTATION.attempts, wholeNumber(1, MAX_ATTEMPTS)],
  [RETRY_ANNOTATION.codes, RETRY_CODES_TEST],
  [RETRY_ANNOTATION.minWait, TIMEOUT],
  [RETRY_ANNOTATION.maxWait, TIMEOUT],
];

export const VALUE_RULES: readonly ValueRule[] = [
  ...ANNOTATION_TESTS.map(([key, test]): ValueRule => ({ map: "annotations", key, ...test })),
  ...LABEL_TESTS.map(([key, test]): ValueRule => ({ map: "labels", key, ...test })),
  ...WATCHDOG_TIMEOUTS.map((key): ValueRule => ({ map: "environment", key, ...TIMEOUT })),
];
