/** The program of the component plugin: Pulumi's engine starts it and calls it over gRPC. */
import { provider } from "@pulumi/pulumi";
import { ComponentProvider } from "./provider.ts";

await provider.main(new ComponentProvider(), process.argv.slice(2));
