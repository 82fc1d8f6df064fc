/** OpenFaaS' stack file, as the component `StackFile` and `plonk import` read it. */
export * from "./holes.ts";
export * from "./read.ts";
export { isTrue, TRUE } from "./reader.ts";
export * from "./spec.ts";
export {
  findNeeded,
  type Part,
  toChain,
  toValue,
  type Variable,
  type Variables,
} from "./substitution.ts";
export type { Value } from "./yaml.ts";
