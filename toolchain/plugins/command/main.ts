/** The executable of `pulumi-resource-command`: the engine starts it and gives its own address. */
import { connectEngine } from "../lib/engine.ts";
import { serve } from "../lib/server.ts";
import { CommandProvider } from "./provider.ts";

await serve(new CommandProvider(connectEngine(process.argv[2])));
