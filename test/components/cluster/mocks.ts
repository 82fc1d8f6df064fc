/** Pulumi's mocks: collects what is registered, in order, and answers with given outputs. */
import * as pulumi from "@pulumi/pulumi";

export interface Registration {
  type: string;
  name: string;
  /** In plain text. */
  inputs: Record<string, unknown>;
  /** Names of the inputs that were secret. */
  secrets: string[];
}

/** How a secret looks on the wire. */
const SECRET_KEY = "4dabf18193072939515e22adb298388d";

type Values = Record<string, unknown>;
type Outputs = (inputs: Values) => Values | Promise<Values>;

/** Starts afresh. The list grows as resources are registered. */
export function collectRegistrations(
  outputs: Record<string, Outputs> = {},
  { isPreview = false }: { isPreview?: boolean } = {},
): Registration[] {
  const registrations: Registration[] = [];
  const mocks: pulumi.runtime.Mocks = {
    async newResource({ type, name, inputs }) {
      const entries = Object.entries(inputs as Record<string, unknown>);
      const given = Object.fromEntries(entries.map(([key, value]) => [key, reveal(value)]));
      const secrets = entries.filter(([, value]) => reveal(value) !== value).map(([key]) => key);
      registrations.push({ type, name, inputs: given, secrets });
      return { id: `${name}-id`, state: { ...given, ...(await outputs[type]?.(given)) } };
    },
    call: () => ({}),
  };
  void pulumi.runtime.setMocks(mocks, undefined, undefined, isPreview);
  return registrations;
}

/** Waits until nothing is being registered any more. */
export async function settle(): Promise<void> {
  const runtime = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };
  await runtime.waitForRPCs();
}

/** The value of an output, secret or not. */
export function valueOf<T>(output: pulumi.Output<T> | undefined): Promise<T> {
  if (!output) {
    return Promise.reject(new Error("expected an output, got undefined"));
  }
  return new Promise((resolve) => {
    output.apply((value) => resolve(value));
  });
}

function reveal(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(SECRET_KEY in value)) {
    return value;
  }
  return (value as unknown as { value: unknown }).value;
}
