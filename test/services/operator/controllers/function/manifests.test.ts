import { describe, expect, it } from "@jest/globals";
import { toDeployment } from "../../../../../services/operator/controllers/function/manifests.ts";
import { makeFunction, OWNER } from "./functions.ts";

const templateOf = (...parts: Parameters<typeof makeFunction>) =>
  toDeployment(makeFunction(...parts), TIMEOUTS).spec.template;
const containerOf = (...parts: Parameters<typeof makeFunction>) =>
  templateOf(...parts).spec?.containers[0];

const TIMEOUTS = { connectMs: 3000, firstByteMs: 0, idleMs: 300_000, callMs: 60_000 };

describe("toDeployment", () => {
  it("makes of a code function exactly this", () => {
    const resource = makeFunction({
      code: { configMap: "resize-abc" },
      environment: { LEVEL: "debug", exec_timeout: "1m" },
      labels: { team: "images", "com.openfaas.scale.min": "2" },
      annotations: { note: "hello", topic: "photos" },
      secrets: ["token"],
      constraints: ["kubernetes.io/arch=arm64"],
    });
    const probe = { path: "/_/health", port: "http" };
    expect(toDeployment(resource, TIMEOUTS)).toStrictEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: {
        name: "resize",
        namespace: "openfaas-fn",
        labels: {
          team: "images",
          "com.openfaas.scale.min": "2",
          faas_function: "resize",
          "app.kubernetes.io/managed-by": "plonk",
        },
        annotations: { note: "hello", topic: "photos" },
        ownerReferences: [OWNER],
      },
      spec: {
        replicas: 2,
        revisionHistoryLimit: 3,
        progressDeadlineSeconds: 120,
        selector: { matchLabels: { faas_function: "resize" } },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
        template: {
          metadata: {
            labels: { team: "images", faas_function: "resize" },
            annotations: { note: "hello" },
          },
          spec: {
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            nodeSelector: { "kubernetes.io/arch": "arm64" },
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 65532,
              runAsGroup: 65532,
              fsGroup: 65532,
              seccompProfile: { type: "RuntimeDefault" },
            },
            terminationGracePeriodSeconds: 70,
            topologySpreadConstraints: [
              {
                maxSkew: 1,
                topologyKey: "kubernetes.io/hostname",
                whenUnsatisfiable: "ScheduleAnyway",
                labelSelector: { matchLabels: { faas_function: "resize" } },
                matchLabelKeys: ["pod-template-hash"],
              },
            ],
            containers: [
              {
                name: "resize",
                image: "registry.example/resize:1",
                imagePullPolicy: "IfNotPresent",
                ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
                env: [
                  { name: "HOME", value: "/tmp" },
                  { name: "LEVEL", value: "debug" },
                  { name: "OPENFAAS_NAME", value: "resize" },
                  { name: "OPENFAAS_NAMESPACE", value: "openfaas-fn" },
                  { name: "PLONK_FUNCTION_MODULE", value: "/home/app/function/index.mjs" },
                  { name: "exec_timeout", value: "1m" },
                  { name: "read_timeout", value: "1m" },
                  { name: "write_timeout", value: "1m" },
                ],
                resources: {
                  requests: { cpu: "20m", memory: "64Mi" },
                  limits: { memory: "256Mi" },
                },
                readinessProbe: {
                  httpGet: probe,
                  periodSeconds: 1,
                  timeoutSeconds: 2,
                  failureThreshold: 6,
                },
                livenessProbe: {
                  httpGet: probe,
                  initialDelaySeconds: 60,
                  periodSeconds: 10,
                  timeoutSeconds: 5,
                  failureThreshold: 6,
                },
                lifecycle: { preStop: { sleep: { seconds: 3 } } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ["ALL"] },
                  readOnlyRootFilesystem: true,
                },
                terminationMessagePolicy: "FallbackToLogsOnError",
                volumeMounts: [
                  { name: "code", mountPath: "/home/app/function", readOnly: true },
                  { name: "secrets", mountPath: "/var/openfaas/secrets", readOnly: true },
                  { name: "tmp", mountPath: "/tmp" },
                ],
              },
            ],
            volumes: [
              { name: "code", configMap: { name: "resize-abc", defaultMode: 0o444 } },
              {
                name: "secrets",
                projected: { defaultMode: 0o444, sources: [{ secret: { name: "token" } }] },
              },
              { name: "tmp", emptyDir: {} },
            ],
          },
        },
      },
    });
  });

  it("gives an image a writable root and its fprocess, and nothing to mount", () => {
    const container = containerOf({ handler: "sha256sum" });
    expect(container?.env).toStrictEqual([
      { name: "HOME", value: "/tmp" },
      { name: "OPENFAAS_NAME", value: "resize" },
      { name: "OPENFAAS_NAMESPACE", value: "openfaas-fn" },
      { name: "exec_timeout", value: "1m" },
      { name: "fprocess", value: "sha256sum" },
      { name: "read_timeout", value: "1m" },
      { name: "write_timeout", value: "1m" },
    ]);
    expect(container?.securityContext?.readOnlyRootFilesystem).toBe(false);
    expect(container).not.toHaveProperty("volumeMounts");
    expect(templateOf({ handler: "sha256sum" }).spec).not.toHaveProperty("volumes");
  });

  it("gives an image a read-only root with a writable /tmp when asked to", () => {
    const template = templateOf({ readOnlyRootFilesystem: true });
    expect(template.spec?.containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(true);
    expect(template.spec?.volumes).toStrictEqual([{ name: "tmp", emptyDir: {} }]);
  });

  it.each([
    [{}, ["1m", "1m", "1m"], 70],
    [{ labels: { "plonk/call-timeout": "10m" } }, ["10m", "10m", "10m"], 610],
    [{ environment: { exec_timeout: "90" } }, ["90", "1m30s", "1m30s"], 100],
    [{ environment: { write_timeout: "5m" } }, ["1m", "1m", "5m"], 310],
    [{ labels: { "plonk/call-timeout": "0" } }, ["0s", "0s", "5m"], 310],
    [{ labels: { "plonk/call-timeout": "soon" } }, ["1m", "1m", "1m"], 70],
  ])("gives the pod of %j its time-outs", (spec, expected, graceSeconds) => {
    const pod = templateOf(spec).spec;
    const env = pod?.containers[0]?.env?.filter(({ name }) => name.endsWith("_timeout"));
    expect(env?.map(({ value }) => value)).toStrictEqual(expected);
    expect(pod?.terminationGracePeriodSeconds).toBe(graceSeconds);
  });

  it("writes values and the handler so that Kubernetes leaves them as they are", () => {
    const environment = { A: "a$$b", B: "$(OPENFAAS_NAME)", C: "x$$(A)y" };
    const env = containerOf({ environment, handler: "sh -c 'echo $(A)'" })?.env;
    expect(env?.slice(0, 3)).toStrictEqual([
      { name: "A", value: "a$$$$b" },
      { name: "B", value: "$$(OPENFAAS_NAME)" },
      { name: "C", value: "x$$$$(A)y" },
    ]);
    expect(env).toContainEqual({ name: "fprocess", value: "sh -c 'echo $$(A)'" });
  });

  it.each([
    [{}, "/tmp"],
    [{ code: { configMap: "c" } }, "/tmp"],
    [{ environment: { HOME: "/home/app" } }, "/home/app"],
    [{ environment: { HOME: "" } }, ""],
  ])("of %j makes a home that can be written, unless it names one", (spec, home) => {
    const homes = containerOf(spec)?.env?.filter(({ name }) => name === "HOME");
    expect(homes).toStrictEqual([{ name: "HOME", value: home }]);
  });

  it("loads the entry that the code names", () => {
    const env = containerOf({ code: { configMap: "c", entry: "index.cjs" } })?.env;
    expect(env).toContainEqual({
      name: "PLONK_FUNCTION_MODULE",
      value: "/home/app/function/index.cjs",
    });
  });

  it("lets the platform's own names win over the Function's", () => {
    const resource = { environment: { OPENFAAS_NAME: "x" }, labels: { faas_function: "other" } };
    expect(containerOf(resource)?.env).toContainEqual({ name: "OPENFAAS_NAME", value: "resize" });
    expect(containerOf(resource)?.env).not.toContainEqual({ name: "OPENFAAS_NAME", value: "x" });
    expect(templateOf(resource).metadata?.labels).toStrictEqual({ faas_function: "resize" });
  });

  it("restarts no pods when only scaling, topics or Pulumi's annotations change", () => {
    const before = templateOf({});
    const after = templateOf({
      replicas: 5,
      labels: { "com.openfaas.scale.max": "9" },
      annotations: { topic: "t", schedule: "* * * * *", "pulumi.com/waitFor": "x" },
    });
    expect(after).toStrictEqual(before);
  });

  it("starts new pods when the REST API asks, and for an annotation of the user's own", () => {
    const metadata = {
      ...makeFunction().metadata,
      annotations: { "plonk/restarted-at": "2026-01-02T03:04:05.000Z", "pulumi.com/waitFor": "x" },
    };
    const asked = toDeployment(makeFunction({}, { metadata }), TIMEOUTS).spec.template.metadata;
    expect(asked?.annotations).toStrictEqual({ "plonk/restarted-at": "2026-01-02T03:04:05.000Z" });
    const own = templateOf({ annotations: { revision: "2", topic: "t" } }).metadata;
    expect(own?.annotations).toStrictEqual({ revision: "2" });
  });

  it("asks for an image each time when its tag moves, or when the function says so", () => {
    expect(containerOf({ image: "figlet:latest" })?.imagePullPolicy).toBe("Always");
    const annotations = { "plonk/image-pull-policy": "IfNotPresent" };
    expect(containerOf({ image: "figlet", annotations })?.imagePullPolicy).toBe("IfNotPresent");
  });

  it.each([
    [{}, { runAsUser: 65532, runAsGroup: 65532 }],
    [{ "plonk/user": "image" }, {}],
    [{ "plonk/user": "1000" }, { runAsUser: 1000 }],
  ])("runs with %j as %j, never as root", (annotations, user) => {
    const rest = { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: "RuntimeDefault" } };
    const own = templateOf({ annotations }).spec?.securityContext;
    expect(own).toStrictEqual({ ...rest, ...user });
  });

  it.each([
    [{ replicas: 0 }, 0],
    [{ replicas: 7 }, 7],
    [{}, 1],
    [{ labels: { "com.openfaas.scale.min": "3" } }, 3],
    [{ labels: { "com.openfaas.scale.min": "0" } }, 0],
    [{ replicas: 1, labels: { "com.openfaas.scale.min": "3" } }, 1],
  ])("with %j wants %d replicas", (spec, expected) => {
    expect(toDeployment(makeFunction(spec), TIMEOUTS).spec.replicas).toBe(expected);
  });

  it.each([
    [{ limits: { memory: "32Mi" } }, { requests: { cpu: "20m" }, limits: { memory: "32Mi" } }],
    [{ requests: { memory: "1Gi" } }, { requests: { cpu: "20m", memory: "1Gi" } }],
    [
      { limits: { cpu: "1", "nvidia.com/gpu": "1" } },
      {
        requests: { memory: "64Mi" },
        limits: { cpu: "1", memory: "256Mi", "nvidia.com/gpu": "1" },
      },
    ],
    [
      { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m" } },
      { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Gi" } },
    ],
  ])("of %j makes resources that do not contradict each other", (spec, expected) => {
    expect(containerOf(spec)?.resources).toStrictEqual(expected);
  });

  describe("with secrets that are logins", () => {
    const logins = { own: ["registry"], common: ["everybody", "registry"] };
    const podOf = (secrets: string[]) => {
      const { spec } = toDeployment(makeFunction({ secrets }), TIMEOUTS, logins);
      return spec.template.spec;
    };

    it("pulls its image by them, and mounts the others", () => {
      const sources = [{ secret: { name: "token" } }];
      expect(podOf(["token", "registry"])).toMatchObject({
        imagePullSecrets: [{ name: "registry" }, { name: "everybody" }],
        volumes: [{ name: "secrets", projected: { sources } }],
      });
    });

    it("mounts nothing where there are no others", () => {
      const pod = podOf(["registry"]);
      expect(pod).not.toHaveProperty("volumes");
      expect(pod?.containers[0]).not.toHaveProperty("volumeMounts");
    });

    it("without any pulls by none", () => {
      expect(templateOf({ secrets: ["key"] }).spec).not.toHaveProperty("imagePullSecrets");
    });
  });

  it("runs under the service account that an annotation names", () => {
    const annotations = { "com.openfaas.serviceaccount": "reader" };
    expect(templateOf({ annotations }).spec).toMatchObject({
      serviceAccountName: "reader",
      automountServiceAccountToken: true,
    });
  });
});
