/** A part by the real engine, its objects written to files, so that there need be no cluster. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";
import { type FakeApi, startFakeApi, toKubeconfig } from "./fake-api.ts";
import { toPlatformProgram } from "./platform-program.ts";

interface Written {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}

export class RenderedPart {
  readonly engine: Engine;
  readonly #api: FakeApi;
  readonly #component: "Queue" | "Gateway";

  private constructor(engine: Engine, api: FakeApi, component: "Queue" | "Gateway") {
    this.engine = engine;
    this.#api = api;
    this.#component = component;
  }

  static async create(component: "Queue" | "Gateway"): Promise<RenderedPart> {
    const api = await startFakeApi();
    const engine = await createEngine({ plugins: ["kubernetes"] });
    return new RenderedPart(engine, api, component);
  }

  async remove(): Promise<void> {
    await this.engine.remove();
    this.#api.stop();
  }

  /** Writes the program, for the runs that follow. */
  async declare(options: object = {}): Promise<void> {
    const args = { namespace: "openfaas", ...options };
    const program = toPlatformProgram(toKubeconfig(this.#api.url, "here"), args, this.#component);
    await this.engine.program(
      program.replace(
        "kubeconfig, enableServerSideApply: true,",
        `renderYamlToDirectory: ${JSON.stringify(join(this.engine.directory, "objects"))},`,
      ),
    );
  }

  /** Undefined, or what went wrong. */
  async up(): Promise<string | undefined> {
    const { code, output } = await this.engine.up();
    return code === 0 ? undefined : output;
  }

  /** The objects that the last run has written, by kind and name, as text. */
  objects(): Record<string, string> {
    const folder = join(this.engine.directory, "objects/1-manifest");
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    return Object.fromEntries(
      texts.map((text) => {
        const { kind, metadata } = parse(text) as Written;
        return [`${kind} ${metadata.name}`, text];
      }),
    );
  }

  /** The files of a Secret, or of a ConfigMap. */
  filesOf(object: string): Record<string, string> {
    const { kind, data = {} } = parse(this.objects()[object] ?? "") as Written;
    const isSecret = kind === "Secret";
    const toText = (text: string): string =>
      isSecret ? Buffer.from(text, "base64").toString() : text;
    return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, toText(text)]));
  }
}

/** What a run does, or would do, to objects. */
export function changesOf({ steps }: RunResult): string[] {
  return steps
    .filter(({ op, type }) => op !== "same" && type.startsWith("kubernetes:"))
    .map(({ op, name }) => `${op} ${name}`)
    .sort();
}
