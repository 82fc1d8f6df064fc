/**
 * Behaves as OpenFaaS' connector SDK (used by the Kafka, MQTT and cron connectors): finds functions
 * by their annotation `topic`, and calls those of a message's topic.
 */
import { type Answer, exchange } from "./faas-cli.ts";

export interface ConnectorOptions {
  url: string;
  user: string;
  password: string;
  /** Value of `X-Connector`, e.g. `cron-connector`. */
  name: string;
  /** Whether functions are called through the queue. */
  isAsynchronous: boolean;
}

interface Subscriber {
  name: string;
  namespace: string;
  annotations?: Record<string, string>;
}

export class Connector {
  readonly #options: ConnectorOptions;
  #topics = new Map<string, string[]>();

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** Lists the functions of all namespaces again; any status but 200 is an error. */
  async rebuild(): Promise<void> {
    const topics = new Map<string, string[]>();
    for (const namespace of (await this.#read("/system/namespaces")) as string[]) {
      const path = `/system/functions?namespace=${encodeURIComponent(namespace)}`;
      for (const { name, annotations } of (await this.#read(path)) as Subscriber[]) {
        for (const topic of annotations?.["topic"]?.split(",") ?? []) {
          topics.set(topic, [...(topics.get(topic) ?? []), `${name}.${namespace}`]);
        }
      }
    }
    this.#topics = topics;
  }

  /** Names of the functions that listen, as `name.namespace`. */
  subscribers(topic: string): string[] {
    return this.#topics.get(topic) ?? [];
  }

  /** Calls all subscribers one after the other. */
  async publish(topic: string, message: string): Promise<Answer[]> {
    const { url, name, isAsynchronous } = this.#options;
    const path = isAsynchronous ? "async-function" : "function";
    const answers: Answer[] = [];
    for (const subscriber of this.subscribers(topic)) {
      const headers = { "X-Connector": name, "X-Topic": topic, "Content-Type": "text/plain" };
      const call = { method: "POST", body: message, headers };
      answers.push(await exchange(`${url}/${path}/${subscriber}`, call));
    }
    return answers;
  }

  async #read(path: string): Promise<unknown> {
    const { url, user, password } = this.#options;
    const credentials = Buffer.from(`${user}:${password}`).toString("base64");
    const headers = { Authorization: `Basic ${credentials}`, "User-Agent": "openfaas-go-sdk" };
    const { status, text } = await exchange(`${url}${path}`, { method: "GET", headers });
    if (status !== 200) {
      throw new Error(`${path}: expected 200, got ${status}: ${text}`);
    }
    return JSON.parse(text);
  }
}
