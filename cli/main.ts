/** The commands for users. */
import { runCommand } from "./commands.ts";
import { down } from "./down.ts";
import { openLocalStack, pulumi } from "./local-stack.ts";
import { up } from "./up.ts";

await runCommand({
  up,
  down,
  pulumi: async (args) => pulumi(await openLocalStack(), args),
});
