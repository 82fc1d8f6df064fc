/** Configuration files of Prometheus and Alertmanager. */
import { stringify } from "yaml";
import { LABEL, METRIC, PORT } from "../../contract/index.ts";
import { METRICS_PORT } from "../kubernetes/pods.ts";

/** What Kubernetes says of a pod, as Prometheus names it. */
const POD = "__meta_kubernetes_pod";

/** Pods that have not begun to listen, and those that never will again. */
const DROP_IDLE = {
  source_labels: [`${POD}_phase`],
  regex: "Pending|Succeeded|Failed",
  action: "drop",
};

/** Selects the pods of all parts of the platform. */
const PLATFORM_PODS = "app.kubernetes.io/instance=plonk";

/**
 * All pods of the platform with a port for metrics, also while they are not ready; `job` is the
 * part's name.
 */
const toPlatformJob = (namespace: string): object => ({
  job_name: "platform",
  kubernetes_sd_configs: [
    {
      role: "pod",
      namespaces: { names: [namespace] },
      selectors: [{ role: "pod", label: PLATFORM_PODS }],
    },
  ],
  relabel_configs: [
    { source_labels: [`${POD}_container_port_name`], regex: METRICS_PORT, action: "keep" },
    DROP_IDLE,
    { source_labels: [`${POD}_label_app_kubernetes_io_name`], target_label: "job" },
  ],
});

/**
 * The watchdogs of all functions, whichever namespaces there are: the port for calls leads to a
 * pod once, and metrics are on the one beside it. `function_name` is the name that the gateway
 * counts calls by.
 */
const FUNCTIONS_JOB = {
  job_name: "functions",
  kubernetes_sd_configs: [{ role: "pod", selectors: [{ role: "pod", label: LABEL.function }] }],
  relabel_configs: [
    {
      source_labels: [`${POD}_container_port_number`],
      regex: String(PORT.function),
      action: "keep",
    },
    DROP_IDLE,
    {
      source_labels: ["__address__"],
      regex: `(.+):${PORT.function}`,
      target_label: "__address__",
      replacement: `$1:${PORT.functionMetrics}`,
    },
    {
      source_labels: [`${POD}_label_${LABEL.function}`, "__meta_kubernetes_namespace"],
      separator: ".",
      target_label: "function_name",
    },
  ],
};

/**
 * `prometheus.yml`.
 *
 * @param scrapeIntervalSeconds time between two scrapes and two evaluations of the rules
 * @param namespace of the platform
 */
export function toPrometheusConfig(scrapeIntervalSeconds: number, namespace: string): string {
  const interval = `${scrapeIntervalSeconds}s`;
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ["/etc/prometheus/rules.yml"],
    alerting: {
      alertmanagers: [
        {
          static_configs: [{ targets: [`alertmanager.${namespace}:${PORT.alertmanager}`] }],
        },
      ],
    },
    scrape_configs: [toPlatformJob(namespace), FUNCTIONS_JOB],
  };
  // Written out where it is the same twice, for people who read it.
  return stringify(config, { aliasDuplicateObjects: false });
}

/** Name of OpenFaaS' scaling rule, the one alert that the gateway acts on. */
const SCALING_ALERT = "APIHighInvocationRate";

/**
 * `rules.yml`: OpenFaaS' scaling rule, more than five successful calls a second for 5 s.
 *
 * @param scrapeIntervalSeconds a rate is of two samples at least, of which one may be missed
 */
export function toAlertRules(scrapeIntervalSeconds: number): string {
  const seconds = Math.max(10, 4 * scrapeIntervalSeconds);
  const rate = `rate(${METRIC.invocations}{code=~"2.."}[${seconds}s])`;
  return stringify({
    groups: [
      {
        name: "openfaas",
        rules: [
          {
            alert: SCALING_ALERT,
            expr: `sum by (function_name) (${rate}) > 5`,
            for: "5s",
            labels: { service: "gateway", severity: "major" },
            annotations: {
              summary: "High invocation rate",
              description:
                "{{ $labels.function_name }} is called {{ $value | humanize }} times a second",
            },
          },
        ],
      },
      { name: "queue", rules: QUEUE_RULES },
    ],
  });
}

/** What somebody has to look at. */
const QUEUE_RULES = [
  {
    alert: "QueueDeadLetters",
    expr: "sum by (function_name, kind) (increase(queue_worker_dead_letters_total[10m])) > 0",
    labels: { service: "queue", severity: "major" },
    annotations: {
      summary: "Asynchronous calls or callbacks are given up",
      description:
        "{{ $labels.function_name }} has {{ $value }} new dead letters of {{ $labels.kind }}s",
    },
  },
  {
    alert: "QueueTooOld",
    // Without any worker, only the gateway knows.
    expr: "max(queue_worker_oldest_message_seconds or gateway_queue_oldest_waiting_seconds) > 3600",
    for: "5m",
    labels: { service: "queue", severity: "major" },
    annotations: {
      summary: "An asynchronous call waits for more than an hour",
      description: "The oldest call in the queue is {{ $value }} seconds old",
    },
  },
  {
    alert: "QueueNotScaled",
    expr: "min(increase(gateway_queue_worker_scaling_failures_total[5m])) > 60",
    labels: { service: "queue", severity: "major" },
    annotations: {
      summary: "No gateway can say how many queue-workers there shall be",
      description: "{{ $value }} looks at the queue and its Deployment failed in five minutes",
    },
  },
  {
    alert: "QueueStoreFull",
    expr: 'sum(increase(gateway_queue_refused_total{code="PLONK_QUEUE_STORE_FULL"}[5m])) > 0',
    labels: { service: "queue", severity: "critical" },
    annotations: {
      summary: "The queue has no room for more calls",
      description: "{{ $value }} calls were refused in five minutes",
    },
  },
  {
    alert: "QueueResultsLost",
    expr: 'sum by (function_name) (increase(queue_worker_results_total{outcome="lost"}[10m])) > 0',
    labels: { service: "queue", severity: "major" },
    annotations: {
      summary: "Results of asynchronous calls could not be kept",
      description: "{{ $labels.function_name }} has lost {{ $value }} results",
    },
  },
  {
    alert: "QueueStreamsLost",
    expr: "sum by (stream) (increase(gateway_queue_streams_remade_total[1h])) > 0",
    labels: { service: "queue", severity: "critical" },
    annotations: {
      summary: "NATS has lost a stream of the queue, with what was in it",
      description: "{{ $labels.stream }} was made anew",
    },
  },
];

/**
 * `alertmanager.yml`: the scaling alert goes to the gateway, which scales the function; others are
 * shown, and sent nowhere.
 *
 * @param namespace of the gateway
 * @param credentials user name for the gateway, and path of the file with the password
 */
export function toAlertmanagerConfig(
  namespace: string,
  { user, passwordFile }: { user: string; passwordFile: string },
): string {
  return stringify({
    route: {
      receiver: "shown",
      group_by: ["alertname", "service", "function_name"],
      routes: [
        {
          receiver: "scale-up",
          matchers: [`alertname = ${SCALING_ALERT}`],
          group_wait: "5s",
          group_interval: "10s",
          repeat_interval: "30s",
        },
      ],
    },
    receivers: [
      { name: "shown" },
      {
        name: "scale-up",
        webhook_configs: [
          {
            url: `http://gateway.${namespace}:${PORT.gateway}/system/alert`,
            send_resolved: true,
            http_config: { basic_auth: { username: user, password_file: passwordFile } },
          },
        ],
      },
    ],
  });
}
