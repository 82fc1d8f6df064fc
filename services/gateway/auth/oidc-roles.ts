/** Roles out of a token's claims, e.g. `plonk:deployer:team-a` in the claim `groups`. */
import { DNS_LABEL_PART, type RoleName } from "../../../contract/index.ts";
import type { Role } from "./identity.ts";

export interface RoleMapping {
  /** Name of the claim; dots lead into objects (`realm_access.roles`). */
  rolesClaim: string;
  /** What our values begin with; all others are somebody else's. */
  rolePrefix: string;
}

/** The roles in a token; empty when it has none of ours. */
export function toRoles(claims: Readonly<Record<string, unknown>>, mapping: RoleMapping): Role[] {
  return listValues(findClaim(claims, mapping.rolesClaim))
    .filter((value) => value.startsWith(mapping.rolePrefix))
    .flatMap((value) => toRole(value.slice(mapping.rolePrefix.length)) ?? []);
}

/** A claim of exactly that name wins: names of claims may be URLs, with dots in them. */
function findClaim(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) {
    return claims[name];
  }
  return name
    .split(".")
    .reduce<unknown>(
      (value, part) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined,
      claims,
    );
}

/** A list of texts, or one text with spaces between (as `scope` has it). */
function listValues(claim: unknown): string[] {
  if (typeof claim === "string") {
    return claim.split(" ");
  }
  return Array.isArray(claim) ? claim.filter((value) => typeof value === "string") : [];
}

/** `<role>`, `<role>:<namespace>`, `<role>:*`, and for `invoke` also `:<namespace>/<function>`. */
const FORMS = [
  /^(admin|alertmanager|reader|invoke)$/,
  new RegExp(`^(deployer|reader|invoke):(\\*|${DNS_LABEL_PART})$`),
  new RegExp(`^(invoke):(${DNS_LABEL_PART})/(${DNS_LABEL_PART})$`),
];

/** A deployer has to say where; undefined for what is no role. */
function toRole(text: string): Role | undefined {
  const match = FORMS.map((form) => form.exec(text)).find((found) => found !== null);
  if (match === undefined) {
    return undefined;
  }
  const [, role, namespace = "*", name] = match;
  return {
    role: role as RoleName,
    ...(namespace !== "*" && { namespace }),
    ...(name !== undefined && { function: name }),
  };
}
