/**
 * Behaves as faas-cli 0.18: the same requests in the same order, and the same success statuses.
 * Go's client sends no Content-Type for a body of bytes.
 */
import { request } from "node:http";
import { parse } from "yaml";

/** Options of `faas-cli deploy --image`, or a function of a stack.yaml. */
export interface StackFunction {
  image: string;
  fprocess?: string;
  environment?: Record<string, string>;
  secrets?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  limits?: { memory?: string; cpu?: string };
  requests?: { memory?: string; cpu?: string };
  constraints?: string[];
  readonly_root_filesystem?: boolean;
  namespace?: string;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface Described {
  name: string;
  namespace: string;
  image: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  envVars?: Record<string, string>;
  replicas?: number;
  availableReplicas?: number;
  invocationCount?: number;
  createdAt: string;
}

export interface LogLine {
  name: string;
  namespace: string;
  instance: string;
  timestamp: string;
  text: string;
}

export interface LogOptions {
  namespace?: string;
  follow: boolean;
  /** Ends the reading. @default when the answer ends */
  isEnough?: (lines: LogLine[]) => boolean;
}

interface Call {
  method: string;
  path: string;
  /** Sent as it is; anything but text as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  isAnonymous?: boolean;
  /** Called with each part of the body; the connection is closed when it returns true. */
  onText?: (text: string) => boolean;
}

const TIMEOUT_MS = 60_000;
const CHANGED = [200, 201, 202];

export class FaasCliRequests {
  readonly #url: string;
  readonly #authorization: string;

  /** @param url - OPENFAAS_URL, without a trailing slash */
  constructor(url: string, user: string, password: string) {
    this.#url = url;
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }

  /** `login`: whether the credentials were taken. */
  async login(): Promise<boolean> {
    const { status } = await this.#send({ method: "GET", path: "/system/functions" }, [200, 401]);
    return status === 200;
  }

  /** `deploy --image` (and `up`): an update first, and where there is nothing yet a deployment. */
  async deploy(name: string, wanted: StackFunction): Promise<"created" | "updated"> {
    const body = toDeployment(name, wanted);
    const path = "/system/functions";
    const { status } = await this.#send({ method: "PUT", path, body }, [...CHANGED, 404]);
    if (status !== 404) {
      return "updated";
    }
    await this.#send({ method: "POST", path, body }, CHANGED);
    return "created";
  }

  /** `deploy -f`: all functions of a stack.yaml. */
  async deployStack(yaml: string): Promise<Record<string, "created" | "updated">> {
    const { functions } = parse(yaml) as { functions: Record<string, StackFunction> };
    const results: Record<string, "created" | "updated"> = {};
    for (const [name, wanted] of Object.entries(functions)) {
      results[name] = await this.deploy(name, wanted);
    }
    return results;
  }

  async list(namespace?: string): Promise<Described[]> {
    const path = `/system/functions${toQuery({ namespace })}`;
    return JSON.parse((await this.#send({ method: "GET", path }, [200])).text) as Described[];
  }

  async describe(name: string, namespace?: string): Promise<Described> {
    const path = `/system/function/${name}${toQuery({ namespace, usage: "1" })}`;
    const { text } = await this.#send({ method: "GET", path }, [200]);
    await this.list(namespace);
    return JSON.parse(text) as Described;
  }

  /** `remove`: the name and the namespace are in the body alone. */
  async remove(name: string, namespace?: string): Promise<void> {
    const body = { functionName: name, namespace };
    await this.#send({ method: "DELETE", path: "/system/functions", body }, CHANGED);
  }

  async scale(name: string, replicas: number, namespace?: string): Promise<void> {
    const body = { serviceName: name, replicas, namespace };
    const path = `/system/scale-function/${name}`;
    await this.#send({ method: "POST", path, body }, CHANGED);
  }

  /** `invoke`: the namespace is always said, and no credentials are sent. */
  async invoke(name: string, body: string, namespace = "openfaas-fn"): Promise<string> {
    const path = `/function/${name}.${namespace}`;
    return (await this.#call(path, { body, accepted: [200, 201, 202] })).text;
  }

  /** `invoke --async`: the id of the call. */
  async invokeAsync(
    name: string,
    body: string,
    { namespace = "openfaas-fn", callback }: { namespace?: string; callback?: string } = {},
  ): Promise<string> {
    const headers = callback === undefined ? {} : { "X-Callback-Url": callback };
    const path = `/async-function/${name}.${namespace}`;
    const answer = await this.#call(path, { body, accepted: [202], headers });
    return String(answer.headers["x-call-id"]);
  }

  /** `logs`: all lines until `isEnough` says so, or until the answer ends. */
  async logs(name: string, options: LogOptions): Promise<LogLine[]> {
    const { namespace, follow, isEnough = () => false } = options;
    const lines: LogLine[] = [];
    let rest = "";
    const onText = (text: string): boolean => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.map((part) => JSON.parse(part) as LogLine));
      return isEnough(lines);
    };
    const path = `/system/logs${toQuery({ follow: String(follow), name, namespace, tail: "-1" })}`;
    await this.#send({ method: "GET", path, onText }, [200]);
    return lines;
  }

  async createSecret(name: string, value: string, namespace?: string): Promise<void> {
    const body = { name, namespace, value };
    await this.#send({ method: "POST", path: "/system/secrets", body }, CHANGED);
  }

  async updateSecret(name: string, value: string, namespace?: string): Promise<void> {
    const body = { name, namespace, value };
    await this.#send({ method: "PUT", path: "/system/secrets", body }, CHANGED);
  }

  async listSecrets(namespace?: string): Promise<string[]> {
    const path = `/system/secrets${toQuery({ namespace })}`;
    const { text } = await this.#send({ method: "GET", path }, [200]);
    return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
  }

  /** `secret remove`: 204 is an error to it. */
  async removeSecret(name: string, namespace?: string): Promise<void> {
    const body = { name, namespace };
    await this.#send({ method: "DELETE", path: "/system/secrets", body }, [200, 202]);
  }

  async namespaces(): Promise<string[]> {
    const { text } = await this.#send({ method: "GET", path: "/system/namespaces" }, [200]);
    return JSON.parse(text) as string[];
  }

  async createNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    const body = toNamespace(name, labels);
    await this.#send({ method: "POST", path: "/system/namespace/", body }, CHANGED);
  }

  async updateNamespace(name: string, labels: Record<string, string>): Promise<void> {
    const body = toNamespace(name, labels);
    await this.#send({ method: "PUT", path: `/system/namespace/${name}`, body }, CHANGED);
  }

  async namespace(name: string): Promise<{ name: string; labels?: Record<string, string> }> {
    const path = `/system/namespace/${name}`;
    const { text } = await this.#send({ method: "GET", path }, [200]);
    return JSON.parse(text) as { name: string; labels?: Record<string, string> };
  }

  async deleteNamespace(name: string): Promise<void> {
    const body = toNamespace(name, {});
    await this.#send({ method: "DELETE", path: `/system/namespace/${name}`, body }, CHANGED);
  }

  /** `ready`: the gateway itself, or one function. */
  async ready(name?: string, namespace?: string): Promise<boolean> {
    if (name !== undefined) {
      return ((await this.describe(name, namespace)).availableReplicas ?? 0) > 0;
    }
    const call = { method: "GET", path: "/healthz", isAnonymous: true };
    return (await this.#send(call, [200, 502])).status === 200;
  }

  /** `version`: what the gateway says about itself. */
  async version(): Promise<{ provider: { orchestration: string }; arch: string }> {
    const { text } = await this.#send({ method: "GET", path: "/system/info" }, [200]);
    return JSON.parse(text) as { provider: { orchestration: string }; arch: string };
  }

  async #call(
    path: string,
    call: { body: string; accepted: readonly number[]; headers?: Record<string, string> },
  ): Promise<Answer> {
    const { body, accepted } = call;
    const headers = { "Content-Type": "text/plain", ...call.headers };
    return this.#send({ method: "POST", path, body, headers, isAnonymous: true }, accepted);
  }

  async #send(call: Call, accepted: readonly number[]): Promise<Answer> {
    const headers = {
      "User-Agent": "faas-cli/0.18.12",
      ...(call.isAnonymous === true ? {} : { Authorization: this.#authorization }),
      ...call.headers,
    };
    const answer = await exchange(`${this.#url}${call.path}`, { ...call, headers });
    if (!accepted.includes(answer.status)) {
      const { method, path } = call;
      throw new Error(`${method} ${path}: unexpected status ${answer.status}: ${answer.text}`);
    }
    return answer;
  }
}

/** One request; its answer is read to the end, or until `onText` has enough. */
export function exchange(url: string, call: Omit<Call, "path">): Promise<Answer> {
  const { method, body, headers, onText } = call;
  const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const length = text === undefined ? {} : { "Content-Length": Buffer.byteLength(text) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = request(url, { method, signal, headers: { ...headers, ...length } });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let received = "";
      const finish = (): void => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: received });
      };
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        received += chunk;
        if (onText?.(chunk) === true) {
          finish();
          sent.destroy();
        }
      });
      response.on("end", finish);
      response.on("error", reject);
    });
    sent.end(text);
  });
}

/** Fields without a value are left out, except labels and annotations. */
function toDeployment(name: string, wanted: StackFunction): object {
  const { image, namespace, fprocess, environment, constraints, secrets, limits } = wanted;
  return {
    service: name,
    image,
    namespace,
    envProcess: fprocess,
    envVars: environment,
    constraints,
    secrets,
    labels: wanted.labels ?? {},
    annotations: wanted.annotations ?? {},
    limits,
    requests: wanted.requests,
    readOnlyRootFilesystem: wanted.readonly_root_filesystem,
  };
}

function toNamespace(name: string, labels: Record<string, string>): object {
  return { name, labels: { openfaas: "1", ...labels }, annotations: { openfaas: "1" } };
}

function toQuery(values: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) {
      query.set(name, value);
    }
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}
