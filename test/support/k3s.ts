/** k3s as the toolchain has it, for clusters that tests make themselves. */
import type { K3sBinary } from "../../components/index.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { assembleClusterImages } from "../../toolchain/images/cluster-images.ts";
import { createImageContext } from "../../toolchain/images/context.ts";

/** The binary for this machine, with the cluster's own images. */
export async function acquireK3s(): Promise<Required<K3sBinary>> {
  const [{ path, version }, airgapImages] = await Promise.all([
    acquire("k3s"),
    assembleClusterImages(createImageContext({ report: () => undefined }), {
      architecture: hostArchitecture(),
      getTool: (name, architecture) => acquire(name, { architecture }),
    }),
  ]);
  return { path, version, airgapImages };
}
