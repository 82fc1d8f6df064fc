/** Answers of the small Kubernetes API of tests: whole objects, or what Accept asks for instead. */
import type { ServerResponse } from "node:http";

/** An object, as far as it is read here. */
interface Answered {
  kind?: string;
  type?: string;
  metadata: { name?: unknown };
}

export function send(response: ServerResponse, status: number, body: object = {}): void {
  const answer = project(body, response.req.headers.accept);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

/** What Accept asks for instead of whole objects. */
function project(body: object, accept = ""): object {
  const kind = /;as=(\w+);v=v1;g=meta\.k8s\.io$/.exec(accept)?.[1];
  const { kind: own, items, metadata } = body as Answered & { items?: Answered[] };
  const apiVersion = "meta.k8s.io/v1";
  if (kind === undefined || own === "Status") {
    return body;
  }
  if (kind === "Table") {
    const cells = [metadata.name, (body as Answered).type ?? "Opaque"];
    const columnDefinitions = [{ name: "Name" }, { name: "Type" }];
    return { apiVersion, kind, columnDefinitions, rows: [{ cells, object: { metadata } }] };
  }
  const parts = items?.map((item) => ({ metadata: item.metadata }));
  // As of a real one, an empty list of these is null.
  return parts === undefined
    ? { apiVersion, kind, metadata }
    : { apiVersion, kind, metadata, items: parts.length === 0 ? null : parts };
}

export function sendStatus(response: ServerResponse, code: number, reason: string): void {
  send(response, code, { kind: "Status", code, reason, message: `fake: ${reason}` });
}
