/** `Gateway`: the REST API, and the way to functions. */
import * as pulumi from "@pulumi/pulumi";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { comeAfter, createContext } from "../kubernetes/workloads.ts";
import { createCredentials } from "./credentials.ts";
import { createGateway, type GatewayNodes } from "./deployment.ts";
import { checkGateway, type GatewayArgs, normalizeGateway } from "./settings.ts";

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
  /** User of Alertmanager, who may do nothing but report alerts. */
  public readonly alertUser: pulumi.Output<string>;
  /** Name of the Secret with that user's password, in the part's namespace. */
  public readonly alertSecretName: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: GatewayNodes;

  constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Gateway", name, {}, withFieldManager(opts));
    const checks = new ArgumentChecks(this);
    const checked = checkFor(this, () => checkGateway(checks, args));
    const context = comeAfter(createContext(this, name, args), checks);
    const settings = normalizeGateway(checked, context.profile);
    const credentials = createCredentials(context, checked);
    const { url, nodes } = createGateway(context, { args: checked, settings, credentials });
    this.url = url;
    this.nodes = nodes;
    this.adminUser = credentials.user;
    this.adminPassword = credentials.password;
    this.secretName = credentials.secret.metadata.name;
    this.alertUser = pulumi.output(credentials.alertUser);
    this.alertSecretName = credentials.alertSecret.metadata.name;
    this.registerOutputs({
      url: this.url,
      adminUser: this.adminUser,
      adminPassword: this.adminPassword,
      secretName: this.secretName,
      alertUser: this.alertUser,
      alertSecretName: this.alertSecretName,
    });
  }
}
