/** `remote.CopyToRemote`: copies when the resource is created or has changed. */
import { randomBytes } from "node:crypto";
import type {
  Call,
  CreateRequest,
  CreateResult,
  UpdateRequest,
} from "../provider-protocol/provider.ts";
import { equals, type PropertyMap, unwrap } from "../provider-protocol/values.ts";
import { type Teller, withTimeout } from "./commands.ts";
import { type Connection, toConnection } from "./connection.ts";
import { toText } from "./inputs.ts";
import { copyToRemote } from "./ssh/copy.ts";

type CopyCall = Pick<Call, "signal" | "urn"> & { timeoutSeconds: number };

/** Deleting a copy does nothing: the official plugin does not delete the files either. */
export class Copies {
  readonly #toTeller: (urn: string) => Teller;

  constructor(toTeller: (urn: string) => Teller) {
    this.#toTeller = toTeller;
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const { inputs, preview } = request;
    if (preview) {
      return { id: "", outputs: inputs };
    }
    await this.#copy(inputs, request);
    return { id: randomBytes(8).toString("hex"), outputs: inputs };
  }

  async update(request: UpdateRequest): Promise<PropertyMap> {
    const { oldInputs, newInputs, preview } = request;
    if (!preview && isElsewhere(oldInputs, newInputs)) {
      await this.#copy(newInputs, request);
    }
    return newInputs;
  }

  async #copy(inputs: PropertyMap, call: CopyCall): Promise<void> {
    const teller = this.#toTeller(call.urn);
    const copying = copyToRemote({
      connection: toConnection(inputs),
      source: unwrap(inputs["source"]) as PropertyMap,
      remotePath: toText(inputs["remotePath"]) ?? "",
      signal: withTimeout(call.signal, call.timeoutSeconds),
      onLine: (line) => teller.onLine(line),
    });
    await copying.finally(() => teller.finish());
  }
}

/**
 * Whether the files must be copied again. As in the official plugin, another route to the same host
 * does not copy; unlike there, another host or user does.
 */
function isElsewhere(before: PropertyMap, after: PropertyMap): boolean {
  const place = ({ host, port, user }: Connection): string => `${user}@${host}:${port}`;
  return (
    !equals(before["source"], after["source"]) ||
    !equals(before["remotePath"], after["remotePath"]) ||
    place(toConnection(before)) !== place(toConnection(after))
  );
}
