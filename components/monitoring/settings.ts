/** Arguments of `Monitoring`, and the same with every default filled in. */
import type * as pulumi from "@pulumi/pulumi";
import type { ArgumentChecks } from "../errors.ts";
import {
  checkExisting,
  type ExistingPrometheus,
  PROMETHEUS,
  refuseBeside,
} from "../kubernetes/existing-servers.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import type { ContainerSize } from "../kubernetes/pods.ts";
import { Profile } from "../kubernetes/settings.ts";
import type { PlaceArgs } from "../kubernetes/workloads.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";

/** Metrics and alerts, as `Platform` takes them. */
export interface MetricsArgs {
  /** How long Prometheus keeps samples, hours. @default 360; 6 in the profile `edge` */
  retentionHours?: pulumi.Input<number>;
  /**
   * Size of the volume that holds samples, GiB. It can grow where the volume's class allows that,
   * and never shrinks.
   * @default 5; 1 in the profile `edge`
   */
  volumeGiB?: pulumi.Input<number>;
  /** Time between two scrapes, seconds. @default 5 */
  scrapeIntervalSeconds?: pulumi.Input<number>;
  /**
   * StorageClass of the volume. A volume keeps its class: another one is refused while it is there.
   * @default the cluster's
   */
  storageClass?: pulumi.Input<string>;
  /** The pod of Prometheus. */
  prometheus?: PodOptions;
  /** The pod of Alertmanager. */
  alertmanager?: PodOptions;
  /**
   * A Prometheus of somebody else's in the place of the platform's own, and of node_exporter: of
   * the options above those of the volume, the pod and the retention make none then. It has to be
   * given `Platform.prometheusConfig`.
   * @default none
   */
  existing?: ExistingPrometheus;
}

/** Options of a Prometheus of the platform's own. */
const OWN: readonly (keyof MetricsArgs)[] = [
  "retentionHours",
  "volumeGiB",
  "storageClass",
  "prometheus",
];

type Numbers = "retentionHours" | "volumeGiB" | "scrapeIntervalSeconds";

const NUMBERS: NumberRules<Pick<MetricsArgs, Numbers>> = {
  retentionHours: {},
  volumeGiB: {},
  scrapeIntervalSeconds: {},
};

/**
 * Refuses what is wrong as far as it is known, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `metrics.`
 */
export function checkMonitoring<T extends MetricsArgs>(
  checks: ArgumentChecks,
  args: T,
  prefix = "",
): T {
  if (args.existing !== undefined) {
    refuseBeside(prefix, args, OWN);
    checkExisting(PROMETHEUS, `${prefix}existing`, args.existing);
  }
  return checkNumbers(checks, { prefix, rules: NUMBERS }, args);
}

/** Image references of `Monitoring`. */
export interface MonitoringImages {
  /** prometheus as entry point, 3.0 or newer, with discovery by Kubernetes. */
  prometheus: pulumi.Input<string>;
  /** alertmanager as entry point, 0.28 or newer. */
  alertmanager: pulumi.Input<string>;
  /** node_exporter as entry point, 1.9 or newer. */
  nodeExporter: pulumi.Input<string>;
}

/** As whom Alertmanager calls the gateway of its namespace. */
export interface AlertCredentials {
  /** User name for the gateway. */
  user: pulumi.Input<string>;
  /** Name of a Secret of the part's namespace, with the password under `basic-auth-password`. */
  secretName: pulumi.Input<string>;
}

/** Arguments of `Monitoring`. */
export interface MonitoringArgs extends MetricsArgs, PlaceArgs {
  /** References of its images. */
  images: MonitoringImages;
  /** As whom Alertmanager calls the gateway of its namespace. */
  alerts: AlertCredentials;
}

/** What the parts of `Monitoring` are made by. */
export interface MonitoringSettings extends Required<Pick<MetricsArgs, Numbers>> {
  storageClass: pulumi.Input<string> | undefined;
  /** What the program says of the pods. */
  pods: Pick<MetricsArgs, "prometheus" | "alertmanager">;
  sizes: { prometheus: ContainerSize; alertmanager: ContainerSize; nodeExporter: ContainerSize };
  images: MonitoringImages;
  alerts: AlertCredentials;
  existing: ExistingPrometheus | undefined;
}

const SMALL = {
  alertmanager: { requestMiB: 32, limitMiB: 64, cpuMillis: 5 },
  nodeExporter: { requestMiB: 16, limitMiB: 32, cpuMillis: 5 },
};

const DEFAULTS: Record<Profile, Pick<MonitoringSettings, Numbers | "sizes">> = {
  [Profile.Standard]: {
    retentionHours: 360,
    volumeGiB: 5,
    scrapeIntervalSeconds: 5,
    sizes: { ...SMALL, prometheus: { requestMiB: 128, limitMiB: 512, cpuMillis: 50 } },
  },
  [Profile.Edge]: {
    retentionHours: 6,
    volumeGiB: 1,
    scrapeIntervalSeconds: 5,
    sizes: { ...SMALL, prometheus: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 } },
  },
};

/** Fills in the defaults of arguments that are checked. */
export function normalizeMonitoring(args: MonitoringArgs, profile: Profile): MonitoringSettings {
  const defaults = DEFAULTS[profile];
  const { retentionHours, volumeGiB, scrapeIntervalSeconds } = { ...defaults, ...args };
  const numbers = { retentionHours, volumeGiB, scrapeIntervalSeconds };
  const { images, alerts, storageClass, prometheus, alertmanager, existing } = args;
  const pods = { ...(prometheus && { prometheus }), ...(alertmanager && { alertmanager }) };
  return { ...numbers, storageClass, pods, sizes: defaults.sizes, images, alerts, existing };
}
