/**
 * Labels, annotations and environment variables that mean something to the platform, and which
 * values they may have. A limit that functions set by one more of them is one more line here.
 */
import { ABSOLUTE_PATH, COUNT, DNS_NAME, DURATION, isMatch, ORIGINS } from "../grammar.ts";
import { ANNOTATION, LABEL, SCALE } from "../names.ts";
import { QUEUE_NAME, QUEUE_NAME_WORDS } from "../queue/queue-names.ts";
import { MAX_ATTEMPTS, RETRY_ANNOTATION, RETRY_CODES } from "../queue/retry-policy.ts";
import { readTimeout, TIMEOUT_LABELS, WATCHDOG_TIMEOUTS } from "../timeouts.ts";
import { PULL_POLICIES } from "./image-pull.ts";

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

const TIMEOUT: Test = {
  expected: "a duration such as 30s, at most 24h",
  accepts: (text) => readTimeout(text) !== undefined,
  toCel: (value) =>
    `${value}.matches('^[0-9]+$') ? ${value}.matches('${COUNT}') && int(${value}) <= 86400 : ` +
    `${value}.matches('${DURATION}') && duration(${value}) <= duration('24h')`,
};

/** What OpenFaaS has and Plonk has not yet: taken in silence, it would seem to work. */
const UNAVAILABLE: Test = {
  expected: "none, it is not available yet",
  accepts: () => false,
  toCel: () => "false",
};

/** What says what holds anyway. */
const NOT_AVAILABLE_BUT_FALSE: Test = {
  expected: "none or false, it is not available yet",
  accepts: (text) => text === "false",
  toCel: (value) => `${value} == 'false'`,
};

const LABEL_TESTS: readonly [label: string, test: Test][] = [
  [LABEL.scaleMin, wholeNumber(0, SCALE.hardMax)],
  [LABEL.scaleMax, wholeNumber(1, SCALE.hardMax)],
  [LABEL.scaleFactor, wholeNumber(0, 100)],
  [LABEL.scaleZero, NOT_AVAILABLE_BUT_FALSE],
  [LABEL.scaleZeroDuration, UNAVAILABLE],
  [LABEL.scaleTarget, UNAVAILABLE],
  [LABEL.scaleTargetProportion, UNAVAILABLE],
  [LABEL.scaleType, UNAVAILABLE],
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

const ANY_HOST = "https?://[-.:a-z0-9]+";

const ORIGINS_TEST: Test = {
  expected: "origins such as https://a.example, or *",
  accepts: (text) => isMatch(ORIGINS, text),
  // A longer pattern costs more than the API server allows; the operator asks the whole of it.
  toCel: (value) => `${value}.matches('^([*]|${ANY_HOST}(, ?${ANY_HOST})*)$')`,
};

const PULL_POLICY_TEST: Test = {
  expected: PULL_POLICIES.join(" or "),
  accepts: (text) => PULL_POLICIES.some((each) => each === text),
  toCel: (value) => `${value} in ['${PULL_POLICIES.join("', '")}']`,
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
  [ANNOTATION.imagePullPolicy, PULL_POLICY_TEST],
  [ANNOTATION.user, USER_TEST],
  [ANNOTATION.queue, QUEUE_NAME_TEST],
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
