/** Names that objects of one program have on a cluster: a second one would overwrite the first. */
import { quote } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

/** By what they are unique in, the logical names of components by the names of their objects. */
const TAKEN = new WeakMap<object, Map<string, string>>();

/** An object to be, and the component that makes it. */
interface Claim {
  /** In it names are unique: what stands for a cluster, or for a namespace not known yet. */
  scope: object;
  /** Names of different kinds and namespaces do not meet. */
  kind: "function" | "secret";
  namespace?: string;
  name: string;
  /** The component's own name, for the message about the next one. */
  logicalName: string;
}

/**
 * Takes the name, and returns it. Throws `ArgumentError` when another component has it. One of the
 * same logical name is the same: a run has no two of them, and a process can have many runs.
 */
export function takeName({ scope, kind, namespace = "", name, logicalName }: Claim): string {
  const taken = TAKEN.get(scope) ?? new Map<string, string>();
  TAKEN.set(scope, taken);
  const key = `${kind}/${namespace}/${name}`;
  const owner = taken.get(key);
  if (owner !== undefined && owner !== logicalName) {
    const expected = `another one than the ${kind} ${quote(owner)} has`;
    throw new ArgumentError(`name: expected ${expected}, got ${quote(name)}`);
  }
  taken.set(key, logicalName);
  return name;
}
