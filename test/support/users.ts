/** A folder like the gateway's mounted Secret, with users whose passwords are quick to check. */
import { scryptSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestUser {
  name: string;
  password: string;
  role: string;
  namespaces?: string[];
}

/** `Authorization` for a user and a password. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** A hash at the lowest cost that is taken. */
export function quickHash(password: string): string {
  const salt = Buffer.from("0123456789abcdef");
  const hash = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 });
  const text = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(hash)}`;
}

export class UserFolder {
  readonly path = mkdtempSync(join(tmpdir(), "plonk-users-"));

  constructor(users?: TestUser[], admin = { name: "admin", password: "admin-password" }) {
    this.write("basic-auth-user", `${admin.name}\n`);
    this.write("basic-auth-password", `${admin.password}\n`);
    if (users !== undefined) {
      this.writeUsers(users);
    }
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.path, file), text);
  }

  writeUsers(users: TestUser[]): void {
    const entries = users.map(({ password, ...user }) => ({
      ...user,
      passwordHash: quickHash(password),
    }));
    this.write("users.yaml", JSON.stringify({ users: entries }));
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
