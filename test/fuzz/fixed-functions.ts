/** A small Kubernetes whose first functions stay, whatever an administrator does with them. */
import type { ServerResponse } from "node:http";
import type { FakeKubernetes, SeenRequest } from "../support/fake-kubernetes.ts";

export class FixedFunctions {
  readonly fake: FakeKubernetes;
  readonly #paths: ReadonlySet<string>;

  /** What there is now stays. */
  constructor(fake: FakeKubernetes) {
    this.fake = fake;
    this.#paths = new Set(fake.objects.keys());
    fake.requests.length = 0;
    fake.intercept = (seen, response) => this.#refuse(seen, response);
  }

  /** Requests since the last `restore` that are no watch: `/system` makes them. */
  get asked(): number {
    return this.fake.asked.length;
  }

  /** Takes away what has been made, and forgets what was asked. */
  restore(): void {
    for (const key of [...this.fake.objects.keys()].filter((each) => !this.#paths.has(each))) {
      const slash = key.lastIndexOf("/");
      this.fake.remove(key.slice(0, slash), key.slice(slash + 1));
    }
    this.fake.requests.length = 0;
    this.fake.forgetHistory();
  }

  #refuse({ method, path }: SeenRequest, response: ServerResponse): boolean {
    const isFixed = this.#paths.has(path.replace(/\/scale$/, ""));
    if (method === "GET" || !isFixed) {
      return false;
    }
    const body = { kind: "Status", code: 409, reason: "Conflict", message: "fake: it stays" };
    response.writeHead(409, { "content-type": "application/json" }).end(JSON.stringify(body));
    return true;
  }
}
