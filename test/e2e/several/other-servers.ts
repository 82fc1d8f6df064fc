/** A NATS and a Prometheus of somebody else's on a cluster, as objects for `kubectl apply`. */
import { stringify } from "yaml";
import type { Artifacts } from "../../../contract/index.ts";

/** As whom the NATS lets people in. */
export const NATS_USER = { user: "shop", password: "messages-password" };

/** Addresses inside the cluster. */
export const OTHER = {
  nats: "nats://broker.messages:4222",
  prometheus: "http://watcher.monitoring:9090",
  prometheusNamespace: "monitoring",
};

interface Server {
  name: string;
  namespace: string;
  port: number;
  image: string;
  args: string[];
  /** Files by name, below `/etc/server`. */
  files?: Record<string, string>;
}

function toText(objects: object[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}

/** A NATS with JetStream that asks for a user and a password. */
export function toNats({ nats }: Artifacts["images"]): string {
  const { user, password } = NATS_USER;
  const args = ["-js", "-sd", "/data", "--user", user, "--pass", password];
  const server = { name: "broker", namespace: "messages", port: 4222, args };
  return toText(toServer({ ...server, image: nats.reference }));
}

/** A Prometheus with the files that the platform gives, and with no right but to see pods. */
export function toPrometheus(
  { prometheus }: Artifacts["images"],
  files: Record<string, string>,
): string {
  const role = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "watcher" };
  const subject = { kind: "ServiceAccount", name: "default", namespace: OTHER.prometheusNamespace };
  const rights = [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: role.name },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: role.name },
      roleRef: role,
      subjects: [subject],
    },
  ];
  const own = Object.entries(files).map(([name, text]) => [
    name,
    text.replaceAll("/etc/prometheus/", "/etc/server/"),
  ]);
  const server = toServer({
    name: "watcher",
    namespace: OTHER.prometheusNamespace,
    port: 9090,
    image: prometheus.reference,
    args: ["--config.file=/etc/server/prometheus.yml", "--storage.tsdb.path=/data"],
    files: Object.fromEntries(own) as Record<string, string>,
  });
  return toText([...rights, ...server]);
}

/** A namespace with one pod and its Service. */
function toServer({ name, namespace, port, image, args, files = {} }: Server): object[] {
  const metadata = { name, namespace };
  const labels = { app: name };
  const container = {
    name,
    image,
    args,
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    securityContext: { runAsUser: 1000 },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "files", mountPath: "/etc/server" },
    ],
  };
  const volumes = [
    { name: "data", emptyDir: {} },
    { name: "files", configMap: { name } },
  ];
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: files },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ port }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [container],
            volumes,
            securityContext: { fsGroup: 1000 },
            terminationGracePeriodSeconds: 0,
          },
        },
      },
    },
  ];
}
