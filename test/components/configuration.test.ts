/** The configuration of NATS, Prometheus, Alertmanager and node_exporter, by their own programs. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import {
  toAlertmanagerConfig,
  toAlertRules,
  toPrometheusConfig,
} from "../../components/monitoring/metrics-config.ts";
import { COLLECTOR_FLAGS } from "../../components/monitoring/node-exporter.ts";
import { toNatsConfig } from "../../components/queue/nats-config.ts";
import { createNatsIdentity, toPublicKey } from "../../components/queue/nats-identity.ts";
import { QueueSync } from "../../components/queue/settings.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { findFreePort } from "../support/network.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const minute = 60_000;
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "plonk-config-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function fetchWhenUp(url: string): Promise<string> {
  let text = "";
  await until(`an answer of ${url}`, async () => {
    const answer = await fetch(url)
      .then(async (response) => (response.ok ? await response.text() : undefined))
      .catch(() => undefined);
    text = answer ?? "";
    return answer !== undefined;
  });
  return text;
}

describe("nats-server", () => {
  it(
    "takes the configuration, and keeps a stream on the volume",
    async () => {
      const { path } = await acquire("nats-server");
      const [port, monitor] = [await findFreePort(), await findFreePort()];
      const identity = await createNatsIdentity("openfaas");
      for (const name of ["tls.crt", "tls.key"]) {
        writeFileSync(join(directory, name), identity[name] ?? "");
      }
      const toKey = (name: string): string => toPublicKey(identity[`${name}.seed`] ?? "");
      const users = { gateway: toKey("gateway"), "queue-worker": toKey("queue-worker") };
      const config = toNatsConfig({ volumeGiB: 2, sync: QueueSync.Always, users })
        .replace("port: 4222", `port: ${port}`)
        .replace("http_port: 8222", `http_port: ${monitor}`)
        .replaceAll("/etc/nats-tls", directory)
        .replace('"/data"', JSON.stringify(join(directory, "nats")));
      const file = join(directory, "nats.conf");
      writeFileSync(file, config);
      const server = spawn(path, ["--config", file], { env: { POD_NAME: "nats-0" } });
      try {
        const health = await fetchWhenUp(
          `http://127.0.0.1:${monitor}/healthz?js-enabled-only=true`,
        );
        expect(JSON.parse(health)).toEqual({ status: "ok" });
        const info = await fetchWhenUp(`http://127.0.0.1:${monitor}/varz`);
        expect(JSON.parse(info)).toMatchObject({
          server_name: "nats-0",
          max_payload: 1_114_112,
          jetstream: {
            config: {
              max_storage: 1843 * 1024 * 1024,
              max_memory: 16 * 1024 * 1024,
              sync_always: true,
            },
          },
          auth_required: true,
          tls_required: true,
        });
      } finally {
        server.kill();
        await once(server, "exit");
      }
    },
    3 * minute,
  );

  it("writes to the disk every two minutes where that is wanted", () => {
    const users = { gateway: "UA", "queue-worker": "UB" };
    const config = toNatsConfig({ volumeGiB: 1, sync: QueueSync.Interval, users });
    expect(config).toContain("  sync_interval: 2m\n");
    expect(config).not.toContain("always");
  });
});

describe("promtool", () => {
  it(
    "takes the configuration and the rules",
    async () => {
      const { path } = await acquire("prometheus");
      const rules = join(directory, "rules.yml");
      writeFileSync(rules, toAlertRules(5));
      const config = join(directory, "prometheus.yml");
      writeFileSync(
        config,
        toPrometheusConfig(5, "openfaas").replace("/etc/prometheus/rules.yml", rules),
      );
      const promtool = join(dirname(path), "promtool");
      const { stdout } = await run(promtool, ["check", "config", "--syntax-only", config]);
      expect(stdout).toContain("SUCCESS");
      const checked = await run(promtool, ["check", "rules", rules]);
      expect(checked.stdout).toContain("7 rules found");
    },
    3 * minute,
  );

  it("finds the parts of the platform by their port for metrics, and the watchdogs of functions", () => {
    const { scrape_configs: jobs } = parse(toPrometheusConfig(5, "openfaas")) as {
      scrape_configs: { job_name: string; kubernetes_sd_configs: unknown }[];
    };
    expect(jobs.map((job) => [job.job_name, job.kubernetes_sd_configs])).toEqual([
      [
        "platform",
        [
          {
            role: "pod",
            namespaces: { names: ["openfaas"] },
            selectors: [{ role: "pod", label: "app.kubernetes.io/instance=plonk" }],
          },
        ],
      ],
      ["functions", [{ role: "pod", selectors: [{ role: "pod", label: "faas_function" }] }]],
    ]);
  });

  it.each([5, 30])(
    "fires above five successful calls a second, and not below, with a sample each %d s",
    async (seconds) => {
      const { path } = await acquire("prometheus");
      writeFileSync(join(directory, "rules.yml"), toAlertRules(seconds));
      const series = (name: string, code: string, step: number) => ({
        series: `gateway_function_invocation_total{function_name="${name}",code="${code}"}`,
        values: `0+${step * seconds}x20`,
      });
      const tests = {
        rule_files: ["rules.yml"],
        evaluation_interval: "5s",
        tests: [
          {
            interval: `${seconds}s`,
            input_series: [
              series("busy.openfaas-fn", "201", 6),
              series("calm.openfaas-fn", "200", 4),
              series("failing.openfaas-fn", "500", 60),
            ],
            alert_rule_test: [
              {
                eval_time: `${12 * seconds}s`,
                alertname: "APIHighInvocationRate",
                exp_alerts: [
                  {
                    exp_labels: {
                      function_name: "busy.openfaas-fn",
                      service: "gateway",
                      severity: "major",
                    },
                    exp_annotations: {
                      summary: "High invocation rate",
                      description: "busy.openfaas-fn is called 6 times a second",
                    },
                  },
                ],
              },
            ],
          },
        ],
      };
      // JSON is YAML.
      writeFileSync(join(directory, "tests.yml"), JSON.stringify(tests));
      const promtool = join(dirname(path), "promtool");
      const { stdout } = await run(promtool, ["test", "rules", "tests.yml"], { cwd: directory });
      expect(stdout).toContain("SUCCESS");
    },
    3 * minute,
  );
});

describe("amtool", () => {
  it(
    "takes the configuration and routes the scaling alert to the gateway",
    async () => {
      const { path } = await acquire("alertmanager");
      const file = join(directory, "alertmanager.yml");
      writeFileSync(
        file,
        toAlertmanagerConfig("openfaas", {
          user: "admin",
          passwordFile: "/var/secrets/basic-auth-password",
        }),
      );
      const amtool = join(dirname(path), "amtool");
      const { stdout } = await run(amtool, ["check-config", file]);
      expect(stdout).toContain("SUCCESS");
      const route = ["config", "routes", "test", `--config.file=${file}`];
      const routed = await run(amtool, [...route, "alertname=APIHighInvocationRate"]);
      expect(routed.stdout.trim()).toBe("scale-up");
      // The gateway would scale the function that an alert is about.
      for (const alert of ["QueueDeadLetters", "QueueTooOld", "SomebodysOwn"]) {
        const other = await run(amtool, [...route, `alertname=${alert}`, "function_name=f.ns"]);
        expect(other.stdout.trim()).toBe("shown");
      }
    },
    3 * minute,
  );

  it("keeps the times of the contract", () => {
    expect(
      parse(toAlertmanagerConfig("openfaas", { user: "admin", passwordFile: "/p" })),
    ).toMatchObject({
      route: { routes: [{ group_wait: "5s", group_interval: "10s", repeat_interval: "30s" }] },
      receivers: [{ name: "shown" }, { webhook_configs: [{ send_resolved: true }] }],
    });
  });
});

describe("node_exporter", () => {
  it(
    "sees processor, memory, load and the root's disk without any mount of the host's",
    async () => {
      const { path } = await acquire("node_exporter");
      const port = await findFreePort();
      const server = spawn(path, [`--web.listen-address=127.0.0.1:${port}`, ...COLLECTOR_FLAGS]);
      try {
        const metrics = await fetchWhenUp(`http://127.0.0.1:${port}/metrics`);
        for (const name of [
          "node_cpu_seconds_total",
          "node_memory_MemAvailable_bytes",
          "node_load1",
          'node_filesystem_avail_bytes{device="',
        ]) {
          expect(metrics).toContain(name);
        }
        const mounts = metrics.match(/^node_filesystem_avail_bytes.*$/gm) ?? [];
        expect(mounts.filter((line) => !line.includes('mountpoint="/"'))).toEqual([]);
      } finally {
        server.kill();
        await once(server, "exit");
      }
    },
    3 * minute,
  );
});
