/** The program: reads the configuration and declares the target that it names. */
import "./stack-traces.ts";
import { declareTarget } from "./config.ts";
import type { StackOutputs } from "./platform.ts";
import { TARGETS } from "./targets.ts";

/** Pulumi calls this; what it returns are the stack's outputs. */
export default async function declareStack(): Promise<StackOutputs> {
  return declareTarget(TARGETS);
}
