/** The remote kinds. Loaded on demand, as the SSH client is slow to load. */
import type { CheckFailure } from "../provider-protocol/provider.ts";
import { mapPropertyMap, type PropertyMap } from "../provider-protocol/values.ts";
import { Commands, type Runner, type Teller } from "./commands.ts";
import {
  collectConnectionSecrets,
  findConnectionFailures,
  toConnection,
  withConnectionDefaults,
} from "./connection.ts";
import { Copies } from "./copies.ts";
import {
  COPY_PROPERTIES,
  findFailures,
  findMissing,
  REMOTE_COMMAND_PROPERTIES,
  type Test,
  toEnvironment,
} from "./inputs.ts";
import { type Kind, toCommandKind } from "./kind.ts";
import { runRemoteCommand } from "./ssh/run.ts";

interface RemoteKinds {
  command: Kind;
  copy: Kind;
}

export function createRemoteKinds(toTeller: (urn: string) => Teller): RemoteKinds {
  const copies = new Copies(toTeller);
  return {
    command: toCommandKind(new Commands(run, toTeller), {
      check: (inputs) => check(inputs, REMOTE_COMMAND_PROPERTIES),
      complete: withConnectionDefaults,
    }),
    copy: {
      check: (inputs) => [
        ...check(inputs, COPY_PROPERTIES),
        ...findMissing(inputs, ["remotePath", "source"]),
      ],
      complete: withConnectionDefaults,
      create: (request) => copies.create(request),
      update: (request) => copies.update(request),
    },
  };
}

const run: Runner = (inputs, run) => {
  const connection = toConnection(inputs);
  const environment = toEnvironment(inputs);
  const secrets = [...environment.secrets, ...collectConnectionSecrets(connection)];
  return runRemoteCommand({ ...environment, ...run, connection, secrets });
};

function check(inputs: PropertyMap, schema: Record<string, Test>): CheckFailure[] {
  const rest = mapPropertyMap(inputs, (value, key) => (key === "connection" ? undefined : value));
  return [...findConnectionFailures(inputs), ...findFailures(rest, schema)];
}
