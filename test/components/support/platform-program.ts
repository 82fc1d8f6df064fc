/** A program for the real engine, on an API server without nodes. */
import { IMAGES } from "./mocks.ts";

const components = import.meta.resolve("../../../components/index.ts");

/**
 * The program: a platform `p`, or one of its parts, whose objects nobody waits for, as no pod ever
 * runs.
 */
export function toPlatformProgram(
  kubeconfig: string,
  args: object,
  component: "Platform" | "Queue" | "Gateway" = "Platform",
): string {
  return `
    import * as k8s from "@pulumi/kubernetes";
    import * as pulumi from "@pulumi/pulumi";
    import { ${component} } from ${JSON.stringify(components)};
    const kubeconfig = pulumi.secret(${JSON.stringify(kubeconfig)});
    const cluster = {
      kubeconfig,
      provider: new k8s.Provider("there", {
        kubeconfig, enableServerSideApply: true, enableConfigMapMutable: true,
      }),
      capabilities: {
        architectures: ["amd64"], storageClass: "disks", apiServerNetworks: [],
      },
      imageDelivery: { mode: "none", targets: [] },
      identity: pulumi.output("there"),
      nodeAddress: pulumi.output("192.0.2.7"),
    };
    const doNotWait = ({ props, opts }) => {
      if (!props.metadata) return undefined;
      const annotations = { ...props.metadata.annotations, "pulumi.com/skipAwait": "true" };
      return { props: { ...props, metadata: { ...props.metadata, annotations } }, opts };
    };
    const args = {
      cluster,
      images: ${JSON.stringify(IMAGES)},
      adminPassword: "pw",
      ...${JSON.stringify(args)},
    };
    new ${component}("p", args, { transformations: [doNotWait] });
  `;
}
