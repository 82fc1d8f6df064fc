/** Which function or secret a request means: its name, and a namespace that may be sent twice. */
import type { FunctionReference } from "../../../contract/index.ts";
import { toNamespace } from "../cluster/namespaces.ts";
import { failures, HttpError } from "../errors.ts";

/** Where a request can say its namespace; an empty text counts as not sent. */
export interface SentNamespaces {
  body?: string | undefined;
  query?: string | undefined;
}

type NamespaceContext = Parameters<typeof toNamespace>[0];

/** A reference by a name that holds no namespace. Throws a BadRequest as `readFunction` does. */
export function readReference(
  context: NamespaceContext,
  name: string,
  { body, query }: SentNamespaces,
): FunctionReference {
  return { name, namespace: toNamespace(context, agree({ body, query })) };
}

/**
 * A reference by a function's name, which may be `name.namespace`: function names have no dots.
 * Throws a BadRequest for namespaces that differ or that hold no functions.
 */
export function readFunction(
  context: NamespaceContext,
  text: string,
  sent: SentNamespaces,
): FunctionReference {
  const dot = text.indexOf(".");
  if (dot === -1) {
    return readReference(context, text, sent);
  }
  const name = text.slice(0, dot);
  const suffix = text.slice(dot + 1);
  return { name, namespace: toNamespace(context, agree({ ...sent, name: suffix })) };
}

/** The one namespace that was sent: two that differ are a mistake which nobody may guess away. */
function agree(sent: Record<string, string | undefined>): string | undefined {
  const given = Object.entries(sent).filter(([, value]) => value !== undefined && value !== "");
  const [first, ...others] = given;
  const other = others.find(([, value]) => value !== first?.[1]);
  if (first !== undefined && other !== undefined) {
    const [one, two] = [first, other].map(
      ([place, value]) => `${JSON.stringify(value)} in the ${place}`,
    );
    throw new HttpError(failures.badRequest(`namespace: expected one, got ${one} and ${two}`));
  }
  return first?.[1];
}
