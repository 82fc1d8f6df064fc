/** The kinds on hosts over SSH. Loaded when a program has one: the SSH client takes its time. */
import type { CheckFailure } from "../provider-protocol/provider.ts";
import { type Bag, mapBag } from "../provider-protocol/values.ts";
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
  toSurroundings,
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

const run: Runner = (inputs, moment) => {
  const connection = toConnection(inputs);
  const surroundings = toSurroundings(inputs);
  const secrets = [...surroundings.secrets, ...collectConnectionSecrets(connection)];
  return runRemoteCommand({ ...surroundings, ...moment, connection, secrets });
};

function check(inputs: Bag, schema: Record<string, Test>): CheckFailure[] {
  const rest = mapBag(inputs, (value, key) => (key === "connection" ? undefined : value));
  return [...findConnectionFailures(inputs), ...findFailures(rest, schema)];
}
