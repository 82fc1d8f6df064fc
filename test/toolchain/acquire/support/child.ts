/** Acquires a tool in a process of its own and prints what came out as one line of JSON. */
import { acquire } from "../../../../toolchain/acquire.ts";
import { toMessage } from "../../../../toolchain/errors.ts";

try {
  console.log(JSON.stringify(await acquire(process.argv[2] ?? "", { architecture: "amd64" })));
} catch (error) {
  console.log(JSON.stringify({ error: toMessage(error) }));
}
