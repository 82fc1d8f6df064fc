/** The administrator and the other users of the gateway. */
import { createHmac } from "node:crypto";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { isMatch, ROLES, USER_NAME } from "../../contract/index.ts";
import { hashPassword } from "../../contract/password-hash.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { createSecret, type PartContext, toBase64 } from "../kubernetes/workloads.ts";
import { whenKnown } from "../unknown.ts";
import type { GatewayAccess, PlatformUser } from "./settings.ts";

/** As whom Alertmanager scales functions: a user of its own, who may do nothing else. */
const ALERT_USER = "plonk-alertmanager";

/** The administrator's credentials, and the Secret `basic-auth` that holds all users. */
export interface Credentials {
  user: pulumi.Output<string>;
  password: pulumi.Output<string>;
  secret: k8s.core.v1.Secret;
  /** Name and password of Alertmanager's user. */
  alertSecret: k8s.core.v1.Secret;
  alertUser: string;
  /** Changes with the content, so that pods which read it at their start are replaced. */
  revision: pulumi.Output<string>;
}

/** A user with every value known. */
export type User = pulumi.Unwrap<PlatformUser>;

/**
 * Creates the Secret `basic-auth`: the administrator under the keys that OpenFaaS' own charts use,
 * and `users.yaml` with hashes of the others' passwords; and `alertmanager-auth` for Alertmanager.
 */
export function createCredentials(
  context: PartContext,
  args: Pick<GatewayAccess, "adminUser" | "adminPassword" | "users">,
): Credentials {
  const checks = new ArgumentChecks(context.part);
  const user = checks.apply(args.adminUser ?? "admin", checkAdminUser);
  const password = checks.apply(pulumi.secret(args.adminPassword), checkAdminPassword);
  const users = checks.apply<[unknown, string], User[]>(
    pulumi.all([args.users ?? [], user]),
    ([list, admin]) => checkUsers(list as User[], admin),
  );
  const alertPassword = password.apply(toAlertPassword);
  const data = {
    "basic-auth-user": user.apply(toBase64),
    "basic-auth-password": password.apply(toBase64),
    "users.yaml": pulumi.all([users, password, alertPassword]).apply(toUsersFile),
  };
  const options = { dependsOn: checks.passed };
  const secret = createSecret(context, "gateway", { name: "basic-auth", data, options });
  const alertSecret = createSecret(context, "gateway", {
    name: "alertmanager-auth",
    data: {
      "basic-auth-user": toBase64(ALERT_USER),
      "basic-auth-password": alertPassword.apply(toBase64),
    },
    options,
  });
  const { uid } = secret.metadata;
  const content = pulumi.jsonStringify(data);
  // The preview of a Secret that is to be made has no UID, and only its id is said to be unknown;
  // nor has that of a changed one where the cluster does not answer.
  const made = pulumi.all([content, uid, secret.id]);
  const revision = made.apply(([text, key]) => whenKnown(key, () => toRevision([text, key])));
  const alerts = { alertSecret, alertUser: ALERT_USER };
  return { user, password, secret, ...alerts, revision: pulumi.unsecret(revision) };
}

/**
 * A digest of the Secret's content for an annotation, which more people may read than the Secret.
 * Its UID, random and as well kept as the Secret, is the key, so that nobody on the cluster can
 * try passwords on the digest; and as Pulumi's state holds the UID, a try costs as much as on the
 * hash of a password. The version of the Secret would change with every touch by others.
 */
export async function toRevision([content, uid]: [content: string, uid: string]): Promise<string> {
  const salt = createHmac("sha256", uid).update("plonk credentials").digest().subarray(0, 16);
  const hash = await hashPassword(content, salt);
  return createHmac("sha256", uid).update(hash).digest("hex").slice(0, 16);
}

function checkAdminUser(user: string): string {
  if (isMatch(USER_NAME, user)) {
    return user;
  }
  const got = JSON.stringify(user);
  throw new ArgumentError(`adminUser: expected no colons and no spaces, got ${got}`);
}

function checkAdminPassword(password: string): string {
  if (password !== "") {
    return password;
  }
  throw new ArgumentError("adminPassword: expected one, got an empty text");
}

/** Returns `users` when the gateway takes them; a message never holds a password. */
export function checkUsers(users: User[], admin: string): User[] {
  const names = [admin, ALERT_USER];
  users.forEach(({ name, password, role, namespaces }, index) => {
    const check = (isRight: boolean, field: string, expectation: string): void => {
      if (!isRight) {
        throw new ArgumentError(`users[${index}].${field}: expected ${expectation}`);
      }
    };
    const got = JSON.stringify(name);
    check(isMatch(USER_NAME, name), "name", `no colons and no spaces, got ${got}`);
    check(!names.includes(name), "name", `one that is not used already, got ${got}`);
    names.push(name);
    check(password !== "", "password", "one, got an empty text");
    const isRole = ROLES.some((known) => known === role);
    check(isRole, "role", `one of ${ROLES.join(", ")}, got ${JSON.stringify(role)}`);
    const isPlaced = namespaces === undefined ? role !== "deployer" : namespaces.length > 0;
    check(isPlaced, "namespaces", 'some, or ["*"] for all, got none');
  });
  return users;
}

/** JSON, which is YAML. */
async function toUsersFile([users, adminPassword, alertPassword]: [
  User[],
  string,
  string,
]): Promise<string> {
  const alerts = { name: ALERT_USER, password: alertPassword, role: "alertmanager" };
  const entries = [...users, alerts as User].map(async ({ name, password, role, namespaces }) => ({
    name,
    passwordHash: await hashPassword(password, toSalt(name, adminPassword)),
    role,
    ...(namespaces && { namespaces }),
  }));
  return toBase64(JSON.stringify({ users: await Promise.all(entries) }));
}

/** Follows from the administrator's, back to which it is as far as from its hash. */
async function toAlertPassword(adminPassword: string): Promise<string> {
  const hash = await hashPassword(adminPassword, toSalt(`${ALERT_USER}'s own`, adminPassword));
  return createHmac("sha256", hash).update("plonk alertmanager").digest("base64url");
}

/**
 * Nothing is random in a program, so that a preview shows no change where there is none. The salt
 * is made of a secret that lies beside the hash anyway, and not of the user's own password: a
 * guess at that could be tried on such a salt much faster than on the hash.
 */
function toSalt(name: string, adminPassword: string): Buffer {
  return createHmac("sha256", adminPassword).update(`plonk user ${name}`).digest().subarray(0, 16);
}
