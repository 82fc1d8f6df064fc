/** The process `pulumi-resource-kubernetes`: the engine starts it with its own address. */
import { connectEngine } from "../lib/engine.ts";
import { serve } from "../lib/server.ts";
import { createProvider } from "./provider.ts";

await serve(createProvider(connectEngine(process.argv[2]), process.env));
