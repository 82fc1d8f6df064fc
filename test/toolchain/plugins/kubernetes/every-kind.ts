/** A program with one object of every kind that the plugin covers. */

export const EVERY_KIND = {
  /** How many objects it declares. */
  resources: 22,
  source: `
const shop = new k8s.core.v1.Namespace("shop");
const metadata = { namespace: shop.metadata.name };
const settings = new k8s.core.v1.ConfigMap("settings", { metadata, data: { mode: "fast" } });
new k8s.core.v1.Secret("token", { metadata, stringData: { key: "open-sesame" } });
const account = new k8s.core.v1.ServiceAccount("account", { metadata });
const labels = { app: "web" };
const template = {
  metadata: { labels },
  spec: {
    serviceAccountName: account.metadata.name,
    containers: [{
      name: "web",
      image: "example.com/web:1",
      env: [{ name: "EMPTY", value: "" }, { name: "KEY", value: pulumi.secret("open-sesame") }],
      ports: [{ containerPort: 80 }],
      resources: { limits: { cpu: "1000m", memory: "0.5Gi" }, requests: { cpu: 0.1 } },
      securityContext: {},
      volumeMounts: [{ name: "settings", mountPath: "/etc/settings" }],
    }],
    volumes: [{ name: "settings", configMap: { name: settings.metadata.name } }],
  },
};
new k8s.apps.v1.Deployment("web", {
  metadata, spec: { replicas: 0, selector: { matchLabels: labels }, template } });
new k8s.apps.v1.StatefulSet("store", {
  metadata,
  spec: {
    replicas: 0, serviceName: "store", selector: { matchLabels: labels }, template,
    volumeClaimTemplates: [{ metadata: { name: "data" }, spec: {
      accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } }],
  },
});
new k8s.apps.v1.DaemonSet("agent", { metadata, spec: { selector: { matchLabels: labels }, template } });
new k8s.batch.v1.Job("once", { metadata, spec: {
  suspend: true,
  template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "b" }] } } } });
new k8s.core.v1.Service("web", { metadata, spec: {
  clusterIP: "None", selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] } });
new k8s.core.v1.Service("other", { metadata, spec: { ports: [{ port: 81 }] } });
const late = new k8s.storage.v1.StorageClass("late", {
  provisioner: "example.com/none", volumeBindingMode: "WaitForFirstConsumer" });
new k8s.core.v1.PersistentVolumeClaim("data", { metadata, spec: {
  accessModes: ["ReadWriteOnce"], storageClassName: late.metadata.name,
  resources: { requests: { storage: "1024Mi" } } } });
const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }];
const subjects = [{ kind: "ServiceAccount", name: account.metadata.name, ...metadata }];
const apiGroup = "rbac.authorization.k8s.io";
const role = new k8s.rbac.v1.Role("reader", { metadata, rules });
new k8s.rbac.v1.RoleBinding("reader", { metadata, subjects,
  roleRef: { apiGroup, kind: "Role", name: role.metadata.name } });
const wide = new k8s.rbac.v1.ClusterRole("reader", { rules });
new k8s.rbac.v1.ClusterRoleBinding("reader", { subjects,
  roleRef: { apiGroup, kind: "ClusterRole", name: wide.metadata.name } });
new k8s.networking.v1.NetworkPolicy("closed", { metadata, spec: {
  podSelector: {}, policyTypes: ["Ingress"], ingress: [{ ports: [{ port: 80 }] }] } });
new k8s.policy.v1.PodDisruptionBudget("web", { metadata, spec: {
  minAvailable: "50%", selector: { matchLabels: labels } } });
new k8s.scheduling.v1.PriorityClass("high", { value: 1000 });
new k8s.coordination.v1.Lease("leader", { metadata, spec: { leaseDurationSeconds: 15 } });
const definition = new k8s.apiextensions.v1.CustomResourceDefinition("widgets", {
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", singular: "widget", kind: "Widget" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: {
        size: { type: "integer", default: 3 }, colour: { type: "string" } } } } } } }],
  },
});
new k8s.apiextensions.CustomResource("widget", {
  apiVersion: "example.com/v1", kind: "Widget", metadata, spec: { colour: "red" },
}, { dependsOn: definition });
export const namespace = shop.metadata.name;
export const uid = settings.metadata.uid;
`,
} as const;
