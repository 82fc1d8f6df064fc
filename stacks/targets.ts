/** The places where a stack can run, each with settings of its own. */
import type { Targets } from "./config.ts";
import type { StackOutputs } from "./platform.ts";
import { existing } from "./targets/existing.ts";
import { local } from "./targets/local.ts";

export const TARGETS = { local, existing } satisfies Targets<StackOutputs>;
