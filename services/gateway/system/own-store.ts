/** The store that a gateway has by itself: the functions that the runtime image brings along. */
import { WATCHDOG_ENV } from "../../../contract/environment/watchdog.ts";
import { STORE_FOLDER, type StoreDocument, type StoreFunction } from "../../../contract/index.ts";

/** Each in `services/watchdog/functions/`, by its name. */
const FUNCTIONS: Readonly<
  Record<string, Pick<StoreFunction, "title" | "description" | "environment">>
> = {
  echo: {
    title: "Echo",
    description: "Answers with the request: method, path, query, headers and body, as JSON",
  },
  nodeinfo: {
    title: "Node information",
    description: "Answers with what its pod runs on: processors, memory, kernel, Node",
  },
  sleep: {
    title: "Sleep",
    description: "Answers after ?seconds=5 or sleep_seconds, to try out time-outs and limits",
    environment: { sleep_seconds: "2" },
  },
  hash: {
    title: "Hash",
    description: "Answers with the digest of the body, by ?algorithm=sha512 or hash_algorithm",
    environment: { hash_algorithm: "sha256" },
  },
  wordcount: {
    title: "Word count",
    description: "Answers with how many lines, words and bytes the body has",
  },
};

/** Platforms of the runtime image, as faas-cli calls them: Node 24 has no armhf. */
const PLATFORMS = ["x86_64", "arm64"];

/** @param image - the runtime image, for both platforms; without it nothing can run */
export function toOwnStore(image: string | undefined): StoreDocument {
  const names = image === undefined ? [] : Object.entries(FUNCTIONS);
  const functions = names.map(([name, { environment, ...texts }]) => ({
    name,
    ...texts,
    images: Object.fromEntries(PLATFORMS.map((platform) => [platform, image ?? ""])),
    readOnlyRootFilesystem: true,
    environment: { [WATCHDOG_ENV.module]: `${STORE_FOLDER}/${name}.mjs`, ...environment },
  }));
  return { version: "0.2.0", functions };
}
