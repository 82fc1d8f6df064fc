/** How Functions are written: what is sent to the API server, in which order. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { FunctionDeployment, FunctionResource } from "../../../../contract/index.ts";
import type { FunctionWatch } from "../../../../services/gateway/cluster/functions.ts";
import {
  applyFunction,
  deleteFunction,
  findChangeable,
  type FunctionStoreContext,
  rethrowMissing,
} from "../../../../services/gateway/system/function-store.ts";
import { type KubernetesClient, KubernetesError } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";

const FUNCTIONS = "/apis/openfaas.com/v1/namespaces/fn/functions";
const CODE = "export default () => 'hello';";
const reference = { name: "f", namespace: "fn" };
const fake = new FakeKubernetes();
let client: KubernetesClient;
let context: FunctionStoreContext;
/** What the gateway's copy shows, and the versions that it was waited for. */
let shown: FunctionResource | undefined;
let waits: boolean[];

beforeAll(async () => {
  client = await fake.start();
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

beforeEach(() => {
  fake.clear();
  shown = undefined;
  waits = [];
  const functions = {
    get: () => shown,
    waitUntil: (isSeen: () => boolean) => Promise.resolve(waits.push(isSeen())),
  };
  context = {
    platformNamespace: "openfaas",
    client,
    functions: functions as unknown as FunctionWatch,
    runtimeImage: "runtime:1",
  };
});

/** A Function as the API server has it. */
function store(spec: object = {}, metadata: object = {}): FunctionResource {
  const object = {
    metadata: { name: "f", ...metadata },
    spec: { name: "f", image: "i:1", ...spec },
  };
  return fake.put(FUNCTIONS, object) as unknown as FunctionResource;
}

const apply = (deployment: Partial<FunctionDeployment>, existing?: FunctionResource) =>
  applyFunction(context, reference, {
    deployment: { service: "f", ...deployment },
    ...(existing !== undefined && { existing }),
  });

/** What was asked of the API server, in its order. */
const asked = (): string[] =>
  fake.requests.map(({ method, path, query }) => {
    const isDry = query.get("dryRun") === "All" ? " dry" : "";
    return `${method} ${path.replace(/^.*\/namespaces\/fn\//, "")}${isDry}`;
  });

const applied = (): { spec: Record<string, unknown> } =>
  fake.requests.findLast(({ method }) => method === "PATCH")?.body as {
    spec: Record<string, unknown>;
  };

describe("a deployment", () => {
  test("is applied under the gateway's own name, with what was sent and no replicas", async () => {
    await apply({ image: "i:2", labels: { a: "1" }, envVars: { B: "2" }, envProcess: "p" });
    expect(asked()).toEqual(["PATCH functions/f"]);
    const [request] = fake.requests;
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ fieldManager: "plonk-gateway" });
    expect(request?.body).toEqual({
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: reference,
      spec: {
        name: "f",
        image: "i:2",
        labels: { a: "1" },
        environment: { B: "2" },
        handler: "p",
      },
    });
  });

  test("is done when the gateway's own copy shows it", async () => {
    shown = store();
    await apply({ image: "i:2" });
    expect(waits).toEqual([false]);
  });

  test("of code is tried first, then has its text stored, and then is written", async () => {
    await apply({ code: CODE });
    expect(asked()).toEqual(["PATCH functions/f dry", "POST configmaps", "PATCH functions/f"]);
    expect(applied().spec).toMatchObject({
      image: "runtime:1",
      code: { configMap: expect.stringMatching(/^f-[0-9a-f]{12}$/) as unknown, entry: "index.mjs" },
    });
  });

  test("of code that is refused leaves no text behind", async () => {
    fake.intercept = ({ query }, response) => {
      const isDry = query.get("dryRun") === "All";
      if (isDry) {
        response.writeHead(422).end(JSON.stringify({ message: "spec: wrong", reason: "Invalid" }));
      }
      return isDry;
    };
    await expect(apply({ code: CODE })).rejects.toMatchObject({ status: 422 });
    expect(asked()).toEqual(["PATCH functions/f dry"]);
  });

  test("of code that cannot run asks nobody", async () => {
    await expect(apply({ code: "export default (" })).rejects.toThrow(/^code: /);
    expect(asked()).toEqual([]);
  });

  test("of code is refused where there is nothing to run it", async () => {
    context = { ...context, runtimeImage: undefined };
    await expect(apply({ code: CODE })).rejects.toThrow(
      "code: expected an image, as this gateway knows no runtime image for code",
    );
    expect(asked()).toEqual([]);
  });
});

describe("a change of a Function", () => {
  test.each<[string, [before: object, deployment: Partial<FunctionDeployment>], string[]]>([
    ["that becomes empty goes as a whole", [{ labels: { a: "1" } }, { labels: {} }], []],
    ["that was empty stays so", [{ labels: {} }, { labels: {} }], ["labels"]],
    ["that was not there is sent empty", [{}, { labels: {} }], ["labels"]],
    [
      "that has something in it is sent",
      [{ labels: { a: "1" } }, { labels: { b: "2" } }],
      ["labels"],
    ],
    ["that is a list may become empty", [{ secrets: ["s"] }, { secrets: [] }], ["secrets"]],
  ])("with a field %s", async (_what, [before, deployment], sent) => {
    await apply({ image: "i:1", ...deployment }, store(before));
    const fields = Object.keys(applied().spec).filter(
      (field) => !["name", "image"].includes(field),
    );
    expect(fields).toEqual(sent);
  });

  test("takes away what another has set and the deployment does not name, but no replicas", async () => {
    const existing = store({ handler: "p", environment: { A: "1" }, replicas: 3 });
    fake.intercept = ({ method, query }, response) => {
      const isApply = method === "PATCH" && query.get("fieldManager") !== null && !isMerge();
      if (isApply) {
        response.end(JSON.stringify({ ...existing, spec: { ...existing.spec, image: "i:2" } }));
      }
      return isApply;
    };
    const isMerge = (): boolean =>
      fake.requests.filter(({ method }) => method === "PATCH").length > 1;
    await apply({ image: "i:2" }, existing);
    const specs = fake.requests.map(({ body }) => (body as { spec: object }).spec);
    expect(specs).toEqual([
      { name: "f", image: "i:2" },
      { handler: null, environment: null },
    ]);
  });

  test("is by force only where its program's author allows that", async () => {
    await apply({ image: "i:1" }, store());
    expect(fake.requests.at(-1)?.query.get("force")).toBeNull();
    await apply({ image: "i:1" }, store({}, { annotations: { "plonk/allow-override": "true" } }));
    expect(fake.requests.at(-1)?.query.get("force")).toBe("true");
    await apply({ image: "i:1" }, store({}, { annotations: { "plonk/allow-override": "false" } }));
    expect(fake.requests.at(-1)?.query.get("force")).toBeNull();
  });
});

describe("a Function that is to be changed", () => {
  test("has to be there", async () => {
    await expect(findChangeable(context, reference)).rejects.toMatchObject({
      statusCode: 404,
      message: "error finding function f.fn",
    });
  });

  test("is nobody else's", async () => {
    const managedFields = [{ manager: "pulumi-kubernetes-1" }];
    store({}, { managedFields });
    await expect(findChangeable(context, reference)).rejects.toMatchObject({ statusCode: 409 });
    store({}, { managedFields, annotations: { "plonk/allow-override": "" } });
    await expect(findChangeable(context, reference)).resolves.toMatchObject({
      metadata: { name: "f" },
    });
  });
});

describe("a deletion", () => {
  test("takes all that the Function owns, and is done when the copy shows it no more", async () => {
    shown = store();
    await deleteFunction(context, reference);
    expect(asked()).toEqual(["DELETE functions/f"]);
    expect(fake.requests[0]?.query.get("propagationPolicy")).toBe("Background");
    expect([fake.objects.size, waits]).toEqual([0, [false]]);
  });

  test("of what has gone meanwhile says that there is no such function", async () => {
    await expect(deleteFunction(context, reference)).rejects.toMatchObject({
      code: "PLONK_FUNCTION_NOT_FOUND",
    });
    expect(waits).toEqual([]);
  });

  test("that the API server refuses is told with its own error", () => {
    const error = new KubernetesError("no", 403, "Forbidden");
    expect(() => rethrowMissing(reference)(error)).toThrow(error);
  });
});
