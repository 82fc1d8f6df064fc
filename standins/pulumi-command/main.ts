/** The executable of `pulumi-resource-command`; the engine passes its address as argument. */
import { connectEngine } from "../provider-protocol/engine.ts";
import { serve } from "../provider-protocol/server.ts";
import { CommandProvider } from "./provider.ts";

await serve(new CommandProvider(connectEngine(process.argv[2])));
