/** What `Platform` registers, against Pulumi's mocks. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { Platform } from "../../components/index.ts";
import {
  fakeCluster,
  find,
  IMAGES,
  recordRegistrations,
  reveal,
  valueOf,
  waitForCount,
} from "./support/mocks.ts";
import { environmentOf, objectsOf, podOf, type PodSpec, workloadsOf } from "./support/objects.ts";

const all = recordRegistrations();

let platform: Platform;

beforeAll(async () => {
  platform = new Platform("p", { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" });
  await waitForCount(all, 47);
});

afterAll(() => pulumi.runtime.disconnect());

describe("a platform with its defaults", () => {
  it("registers exactly these objects", () => {
    const objects = objectsOf(all, "p").map(
      ({ type, name }) => `${type.replace("kubernetes:", "").split("/").at(-1) ?? ""} ${name}`,
    );
    expect(objects.sort()).toEqual([
      "plonk:index:Gateway p",
      "plonk:index:Monitoring p",
      "plonk:index:Operator p",
      "plonk:index:Platform p",
      "plonk:index:Queue p",
      "v1:ClusterRole p-gateway-cluster-role",
      "v1:ClusterRole p-gateway-functions-role",
      "v1:ClusterRole p-operator-cluster-role",
      "v1:ClusterRole p-operator-functions-role",
      "v1:ClusterRole p-prometheus-cluster-role",
      "v1:ClusterRoleBinding p-gateway-cluster-binding",
      "v1:ClusterRoleBinding p-operator-cluster-binding",
      "v1:ClusterRoleBinding p-prometheus-cluster-binding",
      "v1:ConfigMap p-alertmanager-config",
      "v1:ConfigMap p-nats-config",
      "v1:ConfigMap p-prometheus-config",
      "v1:CustomResourceDefinition p-functions",
      "v1:CustomResourceDefinition p-profiles",
      "v1:DaemonSet p-node-exporter",
      "v1:Deployment p-alertmanager",
      "v1:Deployment p-gateway",
      "v1:Deployment p-operator",
      "v1:Deployment p-queue-worker",
      "v1:Namespace p-openfaas",
      "v1:Namespace p-openfaas-fn",
      "v1:PersistentVolumeClaim p-nats-volume",
      "v1:PersistentVolumeClaim p-prometheus-volume",
      "v1:PodDisruptionBudget p-queue-worker-budget",
      "v1:Role p-gateway-platform-role",
      "v1:Role p-operator-platform-role",
      "v1:RoleBinding p-gateway-functions-binding",
      "v1:RoleBinding p-gateway-platform-binding",
      "v1:RoleBinding p-operator-functions-binding",
      "v1:RoleBinding p-operator-platform-binding",
      ...["alertmanager-auth", "basic-auth"].map((name) => `v1:Secret p-${name}`),
      ...["nats-keys", "queue-key"].map((name) => `v1:Secret p-gateway-${name}`),
      "v1:Secret p-nats-keys",
      "v1:Secret p-queue-worker-nats-keys",
      "v1:Service p-alertmanager-service",
      "v1:Service p-gateway-external",
      "v1:Service p-gateway-service",
      "v1:Service p-nats-service",
      "v1:Service p-prometheus-service",
      "v1:ServiceAccount p-gateway-account",
      "v1:ServiceAccount p-operator-account",
      "v1:ServiceAccount p-prometheus-account",
      "v1:ServiceAccount p-queue-worker-account",
      "v1:StatefulSet p-nats",
      "v1:StatefulSet p-prometheus",
      "v1:ValidatingAdmissionPolicy p-gateway-namespaces",
      "v1:ValidatingAdmissionPolicyBinding p-gateway-namespaces-binding",
    ]);
  });

  it("puts both namespaces under the restricted standard", () => {
    for (const name of ["openfaas", "openfaas-fn"]) {
      expect(find(all, `p-${name}`).inputs["metadata"]).toMatchObject({
        name,
        labels: {
          "pod-security.kubernetes.io/enforce": "restricted",
          "pod-security.kubernetes.io/warn": "restricted",
          "pod-security.kubernetes.io/audit": "restricted",
        },
      });
    }
    // An update after a killed one knows its own fields.
    expect(find(all, "p-functions").inputs["metadata"]).toMatchObject({
      annotations: { "pulumi.com/patchFieldManager": "pulumi-kubernetes/plonk/test" },
    });
    expect(find(all, "p-openfaas-fn").inputs["metadata"]).toMatchObject({
      annotations: { openfaas: "1" },
    });
  });

  it("hardens every pod and bounds every container", () => {
    const pods = workloadsOf(all, "p");
    expect(pods).toHaveLength(7);
    for (const [, pod] of pods) {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(pod.hostNetwork).toBeUndefined();
      expect((pod.volumes ?? []).filter((volume) => "hostPath" in volume)).toEqual([]);
      for (const container of pod.containers) {
        expect(container).toMatchObject({
          image: expect.stringMatching(/:.+@sha256:/),
          imagePullPolicy: "IfNotPresent",
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          resources: {
            requests: {
              cpu: expect.stringMatching(/^\d+m$/),
              memory: expect.stringMatching(/^\d+Mi$/),
            },
            limits: { cpu: "2", memory: expect.stringMatching(/^\d+Mi$/) },
          },
          livenessProbe: expect.anything(),
          readinessProbe: expect.anything(),
        });
      }
    }
  });

  it("has NATS started again when a stream cannot be written, and after two minutes only", () => {
    expect(podOf(all, "p-nats").containers[0]).toMatchObject({
      livenessProbe: {
        httpGet: { path: "/healthz", port: "monitor" },
        ...{ periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 12 },
      },
    });
  });

  it("gives a token to those pods only that ask the API server", () => {
    const withToken = workloadsOf(all, "p").filter(([, pod]) => pod.automountServiceAccountToken);
    expect(withToken.map(([name, pod]) => [name, pod.serviceAccountName]).sort()).toEqual([
      ["p-gateway", "gateway"],
      ["p-operator", "operator"],
      ["p-prometheus", "prometheus"],
    ]);
  });

  it.each([
    ["secrets", ["get", "list", "create", "update", "delete"], ["get"]],
    ["configmaps", ["get", "create"], ["get", "list", "patch", "delete"]],
  ])("lets gateway and operator do with functions' %s what they do", (resource, ...verbs) => {
    const rules = objectsOf(all, "p")
      .filter(({ type }) => /:(Cluster)?Role$/.test(type))
      .flatMap(({ name, inputs }) =>
        (inputs["rules"] as { resources: string[]; verbs: string[] }[])
          .filter(({ resources }) => resources.includes(resource) || resources.includes("*"))
          .map((rule) => [name, rule.verbs]),
      );
    const names = ["gateway", "operator"].map((name) => `p-${name}-functions-role`);
    expect(rules.sort()).toEqual(names.map((name, index) => [name, verbs[index]]));
  });

  it("lets Prometheus list pods, and do nothing else", () => {
    expect(find(all, "p-prometheus-cluster-role").inputs["rules"]).toEqual([
      { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] },
    ]);
  });

  it("binds all other rights to secrets, pods and Deployments in single namespaces", () => {
    const bindings = objectsOf(all, "p")
      .filter(({ type }) => /rbac.*Binding$/.test(type))
      .map(({ type, inputs }) => {
        const { metadata, roleRef, subjects } = inputs as {
          metadata: { name: string; namespace?: string };
          roleRef: { kind: string; name: string };
          subjects: { name: string }[];
        };
        const kind = type.split(":").at(-1) ?? "";
        const { name, namespace = "" } = metadata;
        return [kind, name, namespace, roleRef.kind, roleRef.name, subjects[0]?.name].join(" ");
      });
    expect(bindings.sort()).toEqual([
      "ClusterRoleBinding plonk-gateway  ClusterRole plonk-gateway gateway",
      "ClusterRoleBinding plonk-operator  ClusterRole plonk-operator operator",
      "ClusterRoleBinding plonk-prometheus  ClusterRole plonk-prometheus prometheus",
      "RoleBinding plonk-gateway openfaas Role plonk-gateway gateway",
      "RoleBinding plonk-gateway-functions openfaas-fn ClusterRole plonk-gateway-functions gateway",
      "RoleBinding plonk-operator openfaas Role plonk-operator operator",
      "RoleBinding plonk-operator-functions openfaas-fn ClusterRole plonk-operator-functions operator",
    ]);
    const wide = ["p-gateway-cluster-role", "p-operator-cluster-role"].flatMap((name) =>
      (find(all, name).inputs["rules"] as { resources: string[] }[]).flatMap(
        (rule) => rule.resources,
      ),
    );
    expect([...new Set(wide)].sort()).toEqual([
      "clusterroles",
      "endpointslices",
      "functions",
      "functions/status",
      "namespaces",
      "rolebindings",
    ]);
  });

  it("tells the gateway where its neighbours are", () => {
    expect(environmentOf(all, "p-gateway")).toEqual({
      port: "8080",
      metrics_port: "8082",
      ...{ max_inflight: "1000", max_waiting: "1000" },
      trusted_proxies: "",
      direct_functions: "false",
      ...{ nats_url: "tls://nats.openfaas:4222", nats_secret_path: "/var/secrets/nats" },
      ...{ faas_prometheus_host: "prometheus.openfaas", faas_prometheus_port: "9090" },
      ...{ read_timeout: "65s", write_timeout: "65s", upstream_timeout: "60s" },
      basic_auth: "true",
      secret_mount_path: "/var/secrets/gateway",
      queue_secret_path: "/var/secrets/queue",
      scale_from_zero: "true",
      function_namespace: "openfaas-fn",
      platform_namespace: "openfaas",
      ...{ queue_replicas: "1", queue_workers_min: "1", queue_workers_max: "4" },
      ...{ queue_calls_per_worker: "100", queue_workers_max_wait: "30s" },
      queue_workers_quiet: "60s",
      cluster_scope: "true",
      runtime_image: "plonk.local/runtime:1@sha256:04",
      ...{ log_level: "info", MALLOC_ARENA_MAX: "1" },
      NODE_OPTIONS: "--max-old-space-size=153 --max-semi-space-size=8",
    });
  });

  it("tells the queue-worker and the operator theirs", () => {
    expect(environmentOf(all, "p-queue-worker")).toEqual({
      nats_url: "tls://nats.openfaas:4222",
      nats_secret_path: "/var/secrets/nats",
      faas_gateway_address: "gateway.openfaas",
      faas_gateway_port: "8080",
      ...{ queue_replicas: "1", max_age: "24h" },
      ack_wait: "60s",
      drain_timeout: "87000s",
      max_inflight: "100",
      max_inflight_per_function: "10",
      port: "8081",
      ...{ log_level: "info", MALLOC_ARENA_MAX: "1" },
      NODE_OPTIONS: "--max-old-space-size=115 --max-semi-space-size=4",
    });
    expect(environmentOf(all, "p-operator")).toEqual({
      ...{ function_namespace: "openfaas-fn", platform_namespace: "openfaas" },
      cluster_scope: "true",
      ...{ faas_prometheus_host: "prometheus.openfaas", faas_prometheus_port: "9090" },
      network_policies: "false",
      denied_egress: "",
      port: "8081",
      upstream_timeout: "60s",
      ...{ log_level: "info", MALLOC_ARENA_MAX: "1" },
      NODE_OPTIONS: "--max-old-space-size=115 --max-semi-space-size=2",
      pod_name: undefined,
    });
  });

  it("keeps the password secret, under OpenFaaS' keys", () => {
    const { inputs } = find(all, "p-basic-auth");
    expect(JSON.stringify(inputs)).toContain(pulumi.runtime.specialSecretSig);
    expect(reveal(inputs)).toMatchObject({
      metadata: { name: "basic-auth", namespace: "openfaas" },
      data: {
        "basic-auth-user": Buffer.from("admin").toString("base64"),
        "basic-auth-password": Buffer.from("pw").toString("base64"),
      },
    });
  });

  it("sends alerts to the gateway, with the password from a file", () => {
    const data = find(all, "p-alertmanager-config").inputs["data"] as Record<string, string>;
    expect(parse(data["alertmanager.yml"] ?? "")).toMatchObject({
      receivers: [
        { name: "shown" },
        {
          webhook_configs: [
            {
              url: "http://gateway.openfaas:8080/system/alert",
              http_config: {
                basic_auth: {
                  username: "plonk-alertmanager",
                  password_file: "/var/secrets/gateway/basic-auth-password",
                },
              },
            },
          ],
        },
      ],
    });
  });

  it("keeps queued calls and samples on volumes of the cluster's class", () => {
    const toSpec = (storage: string): object => ({
      accessModes: ["ReadWriteOnce"],
      storageClassName: "local-path",
      resources: { requests: { storage } },
    });
    for (const [name, storage] of Object.entries({ nats: "1Gi", prometheus: "5Gi" })) {
      const claim = find(all, `p-${name}-volume`).inputs;
      const { spec } = find(all, `p-${name}`).inputs as { spec: { volumeClaimTemplates: unknown } };
      // The StatefulSet looks for its claim under this name, and would make it by the template.
      expect(claim).toMatchObject({ metadata: { name: `data-${name}-0` }, spec: toSpec(storage) });
      expect(spec.volumeClaimTemplates).toEqual([
        { metadata: expect.objectContaining({ name: "data" }), spec: toSpec(storage) },
      ]);
    }
  });

  it("opens the gateway on a port of the node, and its metrics to nobody outside", () => {
    const { spec } = find(all, "p-gateway-external").inputs as { spec: Record<string, unknown> };
    expect(spec).toMatchObject({
      type: "NodePort",
      ports: [{ name: "http", port: 8080, targetPort: "http", nodePort: 31112 }],
    });
  });

  it("has plain outputs, which a StackReference can carry", async () => {
    expect(await valueOf(platform.gatewayUrl)).toBe("http://198.18.0.11:31112");
    expect(await valueOf(platform.adminUser)).toBe("admin");
    expect(await valueOf(platform.adminPassword)).toBe("pw");
    expect(await pulumi.isSecret(platform.adminPassword)).toBe(true);
    expect(await valueOf(platform.namespace)).toBe("openfaas");
    expect(await valueOf(platform.functionNamespace)).toBe("openfaas-fn");
    expect(await valueOf(platform.runtimeImage)).toBe(IMAGES.runtime);
    expect(await valueOf(platform.prometheusUrl)).toBe("http://prometheus.openfaas:9090");
    expect(await pulumi.isSecret(platform.reference)).toBe(true);
    const plain = [platform.gatewayUrl, platform.functionNamespace, platform.namespace];
    expect((await Promise.all(plain.map((it) => pulumi.isSecret(it)))).includes(true)).toBe(false);
  });

  it("tolerates every taint with the node exporter, which needs nothing of the host", () => {
    const pod = podOf(all, "p-node-exporter") as PodSpec & { tolerations: unknown };
    expect(pod.tolerations).toEqual([{ operator: "Exists" }]);
    expect(pod.volumes).toBeUndefined();
  });
});
