/** The program: reads the configuration and declares the target that it names. */
import "./stack-traces.ts";
import { readConfig, type Target } from "./config.ts";
import { declareExisting } from "./existing.ts";
import { declareLocal } from "./local.ts";
import type { StackOutputs } from "./platform.ts";

const DECLARE: Record<Target, typeof declareLocal> = {
  local: declareLocal,
  existing: declareExisting,
};

/** Pulumi calls this; what it returns are the stack's outputs. */
export default async function declareStack(): Promise<StackOutputs> {
  const config = readConfig();
  return DECLARE[config.target](config);
}
