/** `users.yaml`: the users besides the administrator, with hashes of their passwords. */
import { Type } from "typebox";
import { Check, Errors } from "typebox/value";
import { type Document, parseDocument } from "yaml";
import { DNS_LABEL_PART, type RoleName, ROLES, USER_NAME } from "../../../contract/index.ts";
import { parsePasswordHash, type PasswordHash } from "../../../contract/password-hash.ts";
import type { Role } from "./identity.ts";

const NAMESPACE = `^(\\*|${DNS_LABEL_PART})$`;

const UserEntry = Type.Object(
  {
    name: Type.String({ pattern: USER_NAME }),
    passwordHash: Type.String(),
    role: Type.Enum([...ROLES]),
    namespaces: Type.Optional(Type.Array(Type.String({ pattern: NAMESPACE }), { minItems: 1 })),
  },
  { additionalProperties: false },
);

const UsersFile = Type.Object({ users: Type.Array(UserEntry) }, { additionalProperties: false });

const EXPECTED: Readonly<Record<string, string>> = {
  name: "1 to 128 characters without colons and spaces",
  passwordHash: "$scrypt$ln=14,r=8,p=5$<salt>$<hash>",
  role: `one of ${ROLES.join(", ")}`,
  namespaces: 'a list of namespaces, or ["*"]',
};

export interface User {
  name: string;
  hash: PasswordHash;
  roles: Role[];
}

/**
 * Reads the file (YAML, so JSON too). Throws an error that names the entry and the field, and never
 * a value: the file is full of secrets.
 */
export function parseUsers(text: string): User[] {
  const users = readEntries(text).map((entry, index) => {
    const hash = parsePasswordHash(entry.passwordHash);
    if (hash === undefined) {
      throw wrong(index, "passwordHash");
    }
    if (entry.role === "deployer" && entry.namespaces === undefined) {
      throw wrong(index, "namespaces");
    }
    return { name: entry.name, hash, roles: toRoles(entry.role, entry.namespaces) };
  });
  users.forEach(({ name }, index) => {
    if (users.findIndex((user) => user.name === name) !== index) {
      throw new Error(`users.yaml: users[${index}].name: expected a name that is not used above`);
    }
  });
  return users;
}

interface Entry {
  name: string;
  passwordHash: string;
  role: RoleName;
  namespaces?: string[];
}

function readEntries(text: string): Entry[] {
  const document = parseDocument(text, { prettyErrors: true });
  const [problem] = document.errors;
  if (problem !== undefined) {
    // The library's message quotes the line.
    throw new Error(`users.yaml: expected YAML, got an error in line ${lineOf(problem.linePos)}`);
  }
  const content = toContent(document);
  if (Check(UsersFile, content)) {
    return content.users;
  }
  const [, list, index, field] = Errors(UsersFile, content)[0]?.instancePath.split("/") ?? [];
  if (list === undefined || index === undefined) {
    throw new Error("users.yaml: expected users: [{ name, passwordHash, role, namespaces }]");
  }
  throw wrong(Number(index), field);
}

function toContent(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new Error("users.yaml: expected no aliases");
  }
}

function lineOf(position: readonly { line: number }[] | undefined): string {
  return String(position?.[0]?.line ?? "?");
}

function wrong(index: number, field: string | undefined): Error {
  const expected = EXPECTED[field ?? ""];
  return expected === undefined
    ? new Error(`users.yaml: users[${index}]: expected ${Object.keys(EXPECTED).join(", ")} only`)
    : new Error(`users.yaml: users[${index}].${field ?? ""}: expected ${expected}`);
}

function toRoles(role: RoleName, namespaces: readonly string[] = ["*"]): Role[] {
  return namespaces.map((namespace) => ({ role, ...(namespace !== "*" && { namespace }) }));
}
