import { UNKNOWN_REVISION } from "../../contract/names.ts";

/** The version that the services report; a test holds it equal to the package's. */
export const VERSION = "0.1.0";

/** In the bundles of images, esbuild puts the text in its place. */
declare const PLONK_REVISION: string | undefined;

/** The commit that this build is of, with `-dirty` where files differ from it, or `unknown`. */
export const REVISION = typeof PLONK_REVISION === "string" ? PLONK_REVISION : UNKNOWN_REVISION;

/** Both, for the line that a service logs at its start. */
export const BUILD = { version: VERSION, revision: REVISION } as const;
