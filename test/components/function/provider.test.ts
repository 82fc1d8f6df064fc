/** On which cluster a function lands: never on the current context of the kubeconfig. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  CallbackFunction,
  Function,
  FunctionSecret,
  Platform,
  type PlatformReference,
} from "../../../components/index.ts";
import { settle } from "../cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations } from "../support/mocks.ts";

const all = recordRegistrations();

/** As a StackReference gives it: no provider. */
const reference: PlatformReference = {
  gatewayUrl: "http://gateway.example",
  functionNamespace: "openfaas-fn",
  runtimeImage: "plonk.local/runtime:1@sha256:04",
};

/** A component of a user's. */
class Team extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Team", name, {}, opts);
  }
}

const code = import.meta.resolve("../fixtures/greeter.ts");

/** Every kind of component that makes objects for functions. */
const MAKERS: [string, (name: string, options: Options) => pulumi.Resource][] = [
  ["function", (name, { platform, ...opts }) => new Function(name, { platform, code }, opts)],
  [
    "callback",
    (name, { platform, ...opts }) =>
      new CallbackFunction(name, { platform, callback: () => "hello" }, opts),
  ],
  [
    "secret",
    (name, { platform, ...opts }) => new FunctionSecret(name, { platform, value: "s3cret" }, opts),
  ],
];

type Options = pulumi.ComponentResourceOptions & { platform: PlatformReference };

const OBJECTS: Record<string, string[]> = {
  function: ["code", "function"],
  callback: ["code", "function"],
  secret: ["secret"],
};

let platform: Platform;
let other: k8s.Provider;
let unrelated: pulumi.ProviderResource;

beforeAll(async () => {
  platform = new Platform("p", { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" });
  other = new k8s.Provider("other", { kubeconfig: "{}" });
  unrelated = new CloudProvider("cloud");
  await settle();
});

afterAll(() => pulumi.runtime.disconnect());

class CloudProvider extends pulumi.ProviderResource {
  constructor(name: string) {
    super("cloud", name);
  }
}

async function expectProvider(kind: string, name: string, provider: string): Promise<void> {
  const names = OBJECTS[kind]?.map((role) => `${name}-${role}`) ?? [];
  await settle();
  expect(names.map((object) => [object, find(all, object).provider])).toEqual(
    names.map((object) => [object, provider]),
  );
}

describe.each(MAKERS)("the objects of a %s go", (kind, make) => {
  const cases: [string, string, () => Options][] = [
    ["to the platform's cluster", "fake", () => ({ platform })],
    ["there below a component", "fake", () => ({ platform, parent: new Team(`${kind}-team`) })],
    ["there below the platform", "fake", () => ({ platform, parent: platform })],
    [
      "there beside a provider of something else",
      "fake",
      () => ({ platform, provider: unrelated }),
    ],
    ["where the options say", "other", () => ({ platform, provider: other })],
    ["where the options say in a list", "other", () => ({ platform, providers: [other] })],
    [
      "where the options say by name",
      "other",
      () => ({ platform, providers: { kubernetes: other } }),
    ],
    [
      "where a parent of the parent says",
      "other",
      () => {
        const top = new Team(`${kind}-top`, { providers: [other] });
        return { platform, parent: new Team(`${kind}-inner`, { parent: top }) };
      },
    ],
    [
      "where the options say without a platform",
      "other",
      () => ({ platform: reference, provider: other }),
    ],
  ];

  it.each(cases)("%s", async (where, expected, options) => {
    const name = `${kind}-${where.replace(/[^a-z]+/g, "-")}`.slice(0, 60);
    make(name, { ...options() });
    await expectProvider(kind, name, expected);
  });

  it.each<[string, () => Options]>([
    ["no provider", () => ({ platform: reference })],
    ["none on its parents", () => ({ platform: reference, parent: new Team(`${kind}-lost`) })],
    ["one of something else", () => ({ platform: reference, provider: unrelated })],
  ])("nowhere with %s", (_, options) => {
    expect(() => {
      make(`${kind}-lost`, options());
    }).toThrow(
      expect.objectContaining({
        message:
          "opts.provider: expected the Kubernetes provider of the platform's cluster, got none; " +
          "name it in the options, or give the Platform itself as platform",
        hideStack: true,
      }),
    );
  });
});
