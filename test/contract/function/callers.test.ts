/**
 * One verdict on a Function, whoever is asked: the rules themselves, the component, the REST API,
 * the operator, and the definition's schema. Of the definition's rules in CEL the same cases are
 * asked in `test/components/admission.test.ts`, by a real API server.
 */
import { afterAll, describe, expect, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import Fastify from "fastify";
import { Check } from "typebox/schema";
import { type ArgumentChecks, ArgumentError } from "../../../components/errors.ts";
import { toSpec as toComponentSpec } from "../../../components/function/spec.ts";
import { checkImage, checkName } from "../../../components/function/validation.ts";
import { toFunctionSchema } from "../../../components/operator/crd.ts";
import {
  findMistakes,
  FunctionDeployment,
  type FunctionSpec,
  isMatch,
  QUANTITY,
} from "../../../contract/index.ts";
import { checkDeployment } from "../../../services/gateway/system/deployment-check.ts";
import { readEveryBodyAsJson } from "../../../services/gateway/system/json-body.ts";
import { toValidationError } from "../../../services/gateway/system/validation-message.ts";
import { trimFunction } from "../../../services/operator/kubernetes/transforms.ts";
import { findMistakes as findInResource } from "../../../services/operator/validate.ts";
import { type Case, CASES, toSpec } from "./cases.ts";

const api = Fastify({
  schemaErrorFormatter: toValidationError,
  ajv: { customOptions: { coerceTypes: false, verbose: true } },
});
readEveryBodyAsJson(api);
api.post<{ Body: FunctionDeployment }>("/", { schema: { body: FunctionDeployment } }, (request) => {
  checkDeployment(request.body, []);
  return "";
});

afterAll(async () => {
  await api.close();
  await pulumi.runtime.disconnect();
});

/** The checks at once: a refusal inside `apply` would end the process of the test. */
const checks = {
  apply: (value: unknown, check: (known: unknown) => unknown) =>
    pulumi.Output.isInstance(value) ? value : pulumi.output(check(value)),
} as unknown as ArgumentChecks;

const platform = { gatewayUrl: "http://g.example", functionNamespace: "fn", runtimeImage: "rt" };

/** What is said of a spec; empty when it is taken. */
type Caller = (spec: FunctionSpec) => string | Promise<string>;

const askComponent: Caller = ({ name, image, ...options }) => {
  try {
    checkName(name);
    checkImage(image);
    toComponentSpec(checks, { platform, ...options });
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return (error as ArgumentError).message;
  }
};

const askApi: Caller = async ({ name, handler, environment, code, image, ...same }) => {
  const payload = {
    ...same,
    service: name,
    ...(code === undefined ? { image } : { code: "export default 1" }),
    ...(handler !== undefined && { envProcess: handler }),
    ...(environment !== undefined && { envVars: environment }),
  };
  const answer = await api.inject({ method: "POST", url: "/", payload });
  expect([200, 400]).toContain(answer.statusCode);
  return answer.statusCode === 200 ? "" : answer.json<{ message: string }>().message;
};

const askOperator: Caller = (spec) => {
  const resource = trimFunction({
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name: spec.name, namespace: "openfaas-fn" },
    spec,
  });
  return findInResource(resource).join("; ");
};

const askRules: Caller = (spec) =>
  findMistakes(spec)
    .map(({ field, expected, got }) => `${field}: expected ${expected}, got ${got}`)
    .join("; ");

const REST_NAMES: Readonly<Record<string, string>> = {
  name: "service",
  environment: "envVars",
  handler: "envProcess",
};

const callers: [name: string, ask: Caller, rename: (field: string) => string][] = [
  ["the rules", askRules, (field) => field],
  ["the component", askComponent, (field) => field],
  ["the REST API", askApi, (field) => field.replace(/^\w+/, (name) => REST_NAMES[name] ?? name)],
  ["the operator", askOperator, (field) => `spec.${field}`],
];

const right = CASES.filter(({ field }) => field === undefined);
const wrong = CASES.filter((each): each is Case & { field: string } => each.field !== undefined);

describe.each(callers)("%s", (name, ask, rename) => {
  // The rules are asked about what is left: all others drop first what says nothing.
  const drops = name !== "the rules";
  const asked = wrong.filter(
    ({ leftBy, isNothing = false }) =>
      (leftBy !== "component" || name !== "the component") && !(isNothing && drops),
  );
  const taken = drops ? [...right, ...wrong.filter(({ isNothing }) => isNothing)] : right;

  test.each(taken)("takes $what", async (each) => {
    expect(await ask(toSpec(each))).toBe("");
  });

  test.each(asked)("refuses $what", async (each) => {
    const text = await ask(toSpec(each));
    expect(text).toMatch(/^[^:]+: expected .+, got .+/);
    expect(text.startsWith(`${rename(each.field)}: expected `)).toBe(true);
    expect(text.match(/: expected/g)).toHaveLength(1);
  });
});

describe("the definition's schema", () => {
  const { properties = {} } = toFunctionSchema();
  const schema = properties["spec"] ?? {};

  const taken = [...right, ...wrong.filter(({ isNothing }) => isNothing)];

  test.each(taken)("takes $what", (each) => {
    expect(Check(schema, toSpec(each))).toBe(true);
  });

  const byFields = wrong.filter(
    ({ field, leftBy, spec: { limits, requests } }) =>
      leftBy === undefined &&
      (/^(name|image|constraints|secrets)/.test(field) ||
        // Which quantities a pod can have is said in CEL.
        [limits, requests].some((map) =>
          Object.values(map ?? {}).some((it) => !isMatch(QUANTITY, it) && it !== ""),
        )),
  );

  test.each(byFields)("refuses $what", (each) => {
    expect(Check(schema, toSpec(each))).toBe(false);
  });
});
