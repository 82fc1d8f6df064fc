/**
 * Configuration files of Prometheus and Alertmanager. Only settings that Prometheus 2.42 and
 * Alertmanager 0.25 (Debian) understand as well as the current releases.
 */
import { stringify } from "yaml";
import { LABEL, METRIC, NAMESPACE, PORT } from "../../services/contract/index.ts";

/** Name of the container port that Prometheus scrapes on the platform's pods. */
export const METRICS_PORT = "metrics";

/** The prefix of labels that Kubernetes' service discovery sets. */
const META = "__meta_kubernetes_pod";

/** Labels that say where a sample comes from. */
const ORIGIN_RELABELS = [
  { source_labels: [`${META}_name`], target_label: "pod" },
  { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
  { source_labels: [`${META}_node_name`], target_label: "node" },
];

/** Prometheus' metric labels hold no dots or slashes; service discovery writes `_` instead. */
function toMetaLabel(label: string): string {
  return `${META}_label_${label.replace(/[^a-zA-Z0-9_]/g, "_")}`;
}

function toPodDiscovery(namespace: string): object[] {
  return [{ role: "pod", namespaces: { names: [namespace] } }];
}

const PLATFORM_JOB = {
  job_name: "platform",
  kubernetes_sd_configs: toPodDiscovery(NAMESPACE.platform),
  relabel_configs: [
    { source_labels: [`${META}_container_port_name`], regex: METRICS_PORT, action: "keep" },
    { source_labels: [toMetaLabel("app.kubernetes.io/name")], target_label: "job" },
    ...ORIGIN_RELABELS,
  ],
};

const FUNCTIONS_JOB = {
  job_name: "functions",
  kubernetes_sd_configs: toPodDiscovery(NAMESPACE.functions),
  relabel_configs: [
    { source_labels: [toMetaLabel(LABEL.function)], regex: ".+", action: "keep" },
    // A finished pod keeps its address for a while, but no longer answers on it.
    { source_labels: [`${META}_phase`], regex: "Succeeded|Failed", action: "drop" },
    {
      source_labels: [`${META}_ip`],
      regex: "(.+)",
      replacement: `$1:${PORT.functionMetrics}`,
      target_label: "__address__",
    },
    {
      source_labels: [toMetaLabel(LABEL.function), "__meta_kubernetes_namespace"],
      separator: ".",
      target_label: "function_name",
    },
    ...ORIGIN_RELABELS,
  ],
};

/**
 * `prometheus.yml`.
 *
 * @param scrapeIntervalSeconds time between two scrapes and two evaluations of the rules
 */
export function toPrometheusConfig(scrapeIntervalSeconds: number): string {
  const interval = `${scrapeIntervalSeconds}s`;
  return stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ["/etc/prometheus/rules.yml"],
    alerting: {
      alertmanagers: [
        {
          static_configs: [
            { targets: [`alertmanager.${NAMESPACE.platform}:${PORT.alertmanager}`] },
          ],
        },
      ],
    },
    scrape_configs: [PLATFORM_JOB, FUNCTIONS_JOB],
  });
}

/** `rules.yml`: OpenFaaS' scaling rule, more than five successful calls a second for 5 s. */
export function toAlertRules(): string {
  const rate = `rate(${METRIC.invocations}{code="200"}[10s])`;
  return stringify({
    groups: [
      {
        name: "openfaas",
        rules: [
          {
            alert: "APIHighInvocationRate",
            expr: `sum by (function_name) (${rate}) > 5`,
            for: "5s",
            labels: { service: "gateway", severity: "major" },
            annotations: {
              summary: "High invocation rate",
              description: "{{ $labels.function_name }} is called {{ $value }} times a second",
            },
          },
        ],
      },
    ],
  });
}

/**
 * `alertmanager.yml`: every alert goes to the gateway, which scales the function.
 *
 * @param adminUser user name for the gateway
 * @param passwordFile path of the file with the password
 */
export function toAlertmanagerConfig(adminUser: string, passwordFile: string): string {
  return stringify({
    route: {
      receiver: "scale-up",
      group_by: ["alertname", "service", "function_name"],
      group_wait: "5s",
      group_interval: "10s",
      repeat_interval: "30s",
    },
    receivers: [
      {
        name: "scale-up",
        webhook_configs: [
          {
            url: `http://gateway.${NAMESPACE.platform}:${PORT.gateway}/system/alert`,
            send_resolved: true,
            http_config: { basic_auth: { username: adminUser, password_file: passwordFile } },
          },
        ],
      },
    ],
  });
}
