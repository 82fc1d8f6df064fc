/**
 * Configuration files of Prometheus and Alertmanager. Only settings that Prometheus 2.42 and
 * Alertmanager 0.25 (Debian) understand as well as the current releases.
 */
import { stringify } from "yaml";
import { FUNCTION_TARGETS_PATH, METRIC, NAMESPACE, PORT } from "../../services/contract/index.ts";

/** Name of the port with metrics on the platform's pods. */
export const METRICS_PORT = "metrics";

/** Components whose pods Prometheus finds by the addresses of a headless Service. */
export const SCRAPED = {
  gateway: PORT.gatewayMetrics,
  "queue-worker": PORT.queueWorkerMetrics,
  operator: PORT.operatorMetrics,
  "node-exporter": PORT.nodeExporter,
} as const;

/** Name of the headless Service of a scraped component. */
export function toMetricsService(component: string): string {
  return `${component}-metrics`;
}

/** Time after which a new pod is found at the latest. */
const REFRESH = "5s";

/** One target for each pod, also while it is not ready. */
function toPodsJob(component: string, port: number): object {
  const name = `${toMetricsService(component)}.${NAMESPACE.platform}.svc`;
  return {
    job_name: component,
    dns_sd_configs: [{ names: [name], type: "A", port, refresh_interval: REFRESH }],
  };
}

/** One target, under an address that stays. */
function toStaticJob(component: string, target: string): object {
  return { job_name: component, static_configs: [{ targets: [target] }] };
}

/**
 * The gateway knows the pods of all functions and lists their watchdogs, labelled with
 * `function_name`. Kubernetes' own discovery is not in Debian's Prometheus, and would need a
 * token that reads all pods.
 */
const FUNCTIONS_JOB = {
  job_name: "functions",
  http_sd_configs: [
    {
      url: `http://gateway.${NAMESPACE.platform}:${PORT.gatewayMetrics}${FUNCTION_TARGETS_PATH}`,
      refresh_interval: REFRESH,
    },
  ],
};

function toJobs(): object[] {
  const alertmanager = `alertmanager.${NAMESPACE.platform}:${PORT.alertmanager}`;
  return [
    ...Object.entries(SCRAPED).map(([component, port]) => toPodsJob(component, port)),
    toStaticJob("prometheus", `localhost:${PORT.prometheus}`),
    toStaticJob("alertmanager", alertmanager),
    FUNCTIONS_JOB,
  ];
}

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
    scrape_configs: toJobs(),
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
