/** The function store: the document that `faas-cli store` reads, version 0.2 of its schema. */
import { type Static, Type } from "typebox";
import { quote } from "./finding.ts";
import { Environment, Handler, toMap } from "./function/schema.ts";
import { FunctionName, ImageReference, LabelValue, MetadataKey } from "./syntax.ts";

/** Folder of the functions that the runtime image brings along, each `<name>.mjs`. */
export const STORE_FOLDER = "/app/functions";

/** Values of `function_store` that are no URL: the gateway's own functions, and none at all. */
export const STORE = { own: "own", off: "off" } as const;

// A description is a noun phrase: it also tells, in an error, what was expected.

/** A function of a store: what a client deploys, and what it tells people about it. */
export const StoreFunction = Type.Object(
  {
    name: FunctionName,
    title: Type.String({
      minLength: 1,
      maxLength: 200,
      description: "a title of 1 to 200 letters",
    }),
    description: Type.String({ maxLength: 2000, description: "a text of at most 2000 letters" }),
    images: Type.Record(Type.String(), ImageReference, {
      minProperties: 1,
      description: "images by platform: x86_64, arm64, armhf",
    }),
    icon: Type.Optional(Type.String({ description: "the address of a picture" })),
    repo_url: Type.Optional(Type.String({ description: "the address of its sources" })),
    fprocess: Type.Optional(Handler),
    network: Type.Optional(Type.String({ description: "a network of OpenFaaS' older providers" })),
    readOnlyRootFilesystem: Type.Optional(
      Type.Boolean({ description: "whether only /tmp can be written" }),
    ),
    environment: Type.Optional(Environment),
    labels: Type.Optional(
      toMap("labels, com.openfaas.scale.* among them", { keys: MetadataKey, values: LabelValue }),
    ),
    annotations: Type.Optional(
      toMap("annotations, such as topic and schedule", { keys: MetadataKey }),
    ),
  },
  { title: "StoreFunction" },
);
export type StoreFunction = Static<typeof StoreFunction>;

/** GET `/store`, and what the gateway reads of another store. */
export const StoreDocument = Type.Object(
  {
    version: Type.String({ pattern: "^0\\.2\\.\\d+$", description: "a version such as 0.2.0" }),
    functions: Type.Array(StoreFunction, {
      maxItems: 1000,
      description: "a list of at most 1000 functions",
    }),
  },
  { title: "Store", description: "a store document" },
);
export type StoreDocument = Static<typeof StoreDocument>;

const EXPECTED = "own, off, or an https URL without credentials and query";

/** What is wrong with a value of `function_store`; it quotes no credentials. */
export function findStoreMistake(source: unknown): string | undefined {
  if (source === STORE.own || source === STORE.off) {
    return undefined;
  }
  const url = typeof source === "string" ? URL.parse(source) : null;
  const got = url === null ? toShown(source) : findUrlMistake(url);
  return got === undefined ? undefined : `expected ${EXPECTED}, got ${got}`;
}

function toShown(source: unknown): string {
  return typeof source === "string" && source.includes("@") ? "another text" : quote(source);
}

function findUrlMistake({ protocol, username, password, search, hash }: URL): string | undefined {
  if (protocol !== "https:") {
    return `one of ${protocol}`;
  }
  if (username !== "" || password !== "") {
    return "one with credentials";
  }
  return search === "" && hash === "" ? undefined : "one with a query or a fragment";
}
