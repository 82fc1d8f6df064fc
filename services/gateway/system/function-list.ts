/** The list of functions as JSON; what has not changed since the last list is not written again. */
import { type FunctionResource, toDisplayName } from "../../../contract/index.ts";
import type { FunctionWatch } from "../cluster/functions.ts";
import { toDescription } from "./deployments.ts";

/** The text of one function, for as long as the watch keeps this very object. */
interface Entry {
  calls: number | undefined;
  text: string;
}

export class FunctionList {
  readonly #functions: Pick<FunctionWatch, "values">;
  readonly #entries = new WeakMap<FunctionResource, Entry>();

  constructor(functions: Pick<FunctionWatch, "values">) {
    this.#functions = functions;
  }

  /**
   * The functions of a namespace by name, a JSON array.
   * @param calls - how often each was called, by `name.namespace`
   */
  read(namespace: string, calls: ReadonlyMap<string, number>): string {
    const texts = [...this.#functions.values()]
      .filter(({ metadata }) => metadata.namespace === namespace)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map((resource) => this.#write(resource, calls.get(toDisplayName(resource.metadata))));
    return `[${texts.join(",")}]`;
  }

  #write(resource: FunctionResource, calls: number | undefined): string {
    const known = this.#entries.get(resource);
    if (known !== undefined && known.calls === calls) {
      return known.text;
    }
    const text = JSON.stringify(toDescription(resource, calls));
    this.#entries.set(resource, { calls, text });
    return text;
  }
}
