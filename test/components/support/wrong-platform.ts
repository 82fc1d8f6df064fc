/** For tests of what a platform refuses. */
import { Platform } from "../../../components/index.ts";
import { fakeCluster, IMAGES } from "./mocks.ts";

/** Declares a platform with these arguments when it is called. */
export function withPlatform(args: object): () => Platform {
  const usual = { cluster: fakeCluster(), images: IMAGES, adminPassword: "pw" };
  return () => new Platform("wrong", { ...usual, ...args });
}
