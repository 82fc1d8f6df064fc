/** Who asks, and what that person or program may do: roles, and the rights that they carry. */
import type { RoleName } from "../../../contract/index.ts";
import { type Failure, failures } from "../errors.ts";

/** One role, in one namespace or in all. */
export interface Role {
  role: RoleName;
  /** Undefined: every namespace. */
  namespace?: string;
  /** Undefined: every function. Only `invoke` is ever narrowed to one. */
  function?: string;
}

export interface Identity {
  /** For the audit log: a user's name, or `oidc:<subject>`. */
  name: string;
  roles: readonly Role[];
}

/**
 * What a request needs: `look` at what belongs to no namespace, `read` or `write` functions and
 * secrets of a namespace, `alert`, `invoke` a private function, or `administer` the rest.
 */
export type Right = "look" | "read" | "write" | "alert" | "invoke" | "administer";

const RIGHTS: Readonly<Record<RoleName, readonly Right[]>> = {
  admin: ["look", "read", "write", "alert", "invoke", "administer"],
  deployer: ["look", "read", "write", "invoke"],
  reader: ["look", "read"],
  alertmanager: ["alert"],
  invoke: ["invoke"],
};

/** Where a right is needed. */
export interface Place {
  namespace?: string;
  function?: string;
}

/** Whether one of the roles carries the right there. */
export function isAllowed({ roles }: Identity, right: Right, place: Place = {}): boolean {
  return roles.some(
    (role) =>
      RIGHTS[role.role].includes(right) &&
      (right === "look" || role.namespace === undefined || role.namespace === place.namespace) &&
      (role.function === undefined || role.function === place.function),
  );
}

/** What a look at an `Authorization` header tells. */
export type Identification = { identity: Identity } | { refusal: Failure };

/**
 * 401 in the contract's words, with the challenge that it has to carry (RFC 9110 §15.5.2); `error`
 * (RFC 6750 §3.1) says what is wrong with a token.
 */
export function unauthorized(scheme: "Basic" | "Bearer", error?: string): { refusal: Failure } {
  const detail = error === undefined ? "" : `, error="${error}"`;
  return { refusal: failures.unauthorized(`${scheme} realm="Restricted"${detail}`) };
}
