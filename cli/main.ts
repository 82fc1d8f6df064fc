/** The commands for users. */
import { runCommand } from "./commands.ts";
import { down } from "./down.ts";
import { withHelp } from "./help.ts";
import { IMPORT_OPTIONS, IMPORT_USAGE, importStack } from "./import.ts";
import { openLocalStack, pulumi } from "./local-stack.ts";
import { queue, QUEUE_OPTIONS, QUEUE_USAGE } from "./queue.ts";
import { up } from "./up.ts";

const STACK_OPTION = { "-s, --stack name": "the stack; `local` when none is named" };

await runCommand(
  withHelp({
    up: {
      run: up,
      usage: "[--stack name] [--config key=value]...",
      summary: "brings the whole stack up, or continues; ends with the URL to call",
      options: {
        ...STACK_OPTION,
        "-c, --config key=value": "sets a key of the stack's configuration first; may be repeated",
      },
    },
    down: {
      run: down,
      usage: "[--stack name]",
      summary: "removes the stack with all that is on it",
      options: STACK_OPTION,
    },
    pulumi: {
      run: async (args) => pulumi(await openLocalStack(), args),
      usage: "<arguments>",
      summary: "runs any command of Pulumi on the stack, e.g. `plonk pulumi preview`",
    },
    queue: {
      run: queue,
      usage: QUEUE_USAGE,
      summary: "sees asynchronous calls and dead letters, cancels them and queues them again",
      options: QUEUE_OPTIONS,
    },
    import: {
      run: importStack,
      usage: IMPORT_USAGE,
      summary: "writes a program with the functions of a stack file of OpenFaaS",
      options: IMPORT_OPTIONS,
    },
  }),
);
