/** `Gateway`: the REST API, and the way to functions. */
import * as pulumi from "@pulumi/pulumi";
import { checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { createContext } from "../kubernetes/workloads.ts";
import { createCredentials } from "./credentials.ts";
import { createGateway, type GatewayNodes } from "./deployment.ts";
import { type GatewayArgs, normalizeGateway } from "./settings.ts";

/** The gateway with its users and the Service to the outside. It makes no NetworkPolicies. */
export class Gateway extends pulumi.ComponentResource {
  /** Address of the gateway, without a trailing slash. Known when the gateway answers. */
  public readonly url: pulumi.Output<string>;
  /** User name for the REST API. */
  public readonly adminUser: pulumi.Output<string>;
  /** Password for the REST API. Secret. */
  public readonly adminPassword: pulumi.Output<string>;
  /** Name of the Secret with all users, in the part's namespace. */
  public readonly secretName: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: GatewayNodes;

  constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Gateway", name, {}, withFieldManager(opts));
    const context = createContext(this, name, args);
    const settings = checkFor(this, () => normalizeGateway(args, context.profile));
    const credentials = createCredentials(context, args);
    const { url, nodes } = createGateway(context, { args, settings, credentials });
    this.url = url;
    this.nodes = nodes;
    this.adminUser = credentials.user;
    this.adminPassword = credentials.password;
    this.secretName = credentials.secret.metadata.name;
    this.registerOutputs({
      url: this.url,
      adminUser: this.adminUser,
      adminPassword: this.adminPassword,
      secretName: this.secretName,
    });
  }
}
