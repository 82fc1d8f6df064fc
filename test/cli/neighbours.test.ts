/** Stacks side by side: who gets which network, and whose clusters go with whom. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { removeFolder } from "../../cli/down.ts";
import {
  claimSubnet,
  overlaps,
  ownClusters,
  releaseSubnets,
  stateFileOf,
  subnetOf,
  takeSubnet,
  type Tenant,
} from "../../cli/neighbours.ts";

let home: string;
let marks: string;

/** A stack with state, as it is when it takes a network. */
function stack(name: string): Tenant {
  const tenant = { home, name };
  mkdirSync(dirname(stateFileOf(tenant)), { recursive: true });
  writeFileSync(stateFileOf(tenant), "{}");
  return tenant;
}

function cluster(name: string, owner: string, subnet: string): void {
  const folder = join(home, "clusters", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "owner"), owner);
  writeFileSync(join(folder, "cluster.sh"), `CLUSTER='${name}'\nSUBNET='${subnet}'\n`);
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "plonk-neighbours-"));
  marks = join(home, "marks");
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("a network", () => {
  it("is the first that is free, kept, and free again afterwards", async () => {
    const [one, two] = [stack("one"), stack("two")];
    expect(await takeSubnet(one, [], marks)).toBe("198.18.0.0/24");
    expect(await takeSubnet(one, ["198.18.0.1/24"], marks)).toBe("198.18.0.0/24");
    expect(await takeSubnet(two, [], marks)).toBe("198.18.1.0/24");
    await releaseSubnets(one, marks);
    expect(await takeSubnet(stack("three"), [], marks)).toBe("198.18.0.0/24");
  });

  it("leaves no folder when the last stack has released its own", async () => {
    const [one, two] = [stack("one"), stack("two")];
    const place = join(marks, "subnets");
    await takeSubnet(one, [], place);
    await takeSubnet(two, [], place);
    await releaseSubnets(one, place);
    expect(existsSync(place)).toBe(true);
    await releaseSubnets(two, place);
    expect(existsSync(marks)).toBe(false);
  });

  it("is there for one that asks while another releases its own", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `stack-${index}`);
    const place = join(marks, "subnets");
    await Promise.all(
      names.map(async (name) => {
        await takeSubnet(stack(name), [], place);
        await releaseSubnets({ home, name }, place);
      }),
    );
    expect(existsSync(marks)).toBe(false);
  });

  it("is one stack's alone while others come and go, some without a word", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `stack-${index}`);
    const held: string[] = [];
    const heldTwice: string[] = [];
    const comeAndGo = async (name: string): Promise<void> => {
      for (let round = 0; round < 8; round += 1) {
        const one = stack(name);
        const subnet = await takeSubnet(one, [], marks);
        heldTwice.push(...held.filter((other) => other === subnet));
        held.push(subnet);
        await sleep(1);
        held.splice(held.indexOf(subnet), 1);
        if (round % 2 === 0) {
          rmSync(stateFileOf(one));
        }
        await releaseSubnets(one, marks);
      }
    };
    await Promise.all(names.map(comeAndGo));
    expect(heldTwice).toEqual([]);
    expect(existsSync(marks)).toBe(false);
  });

  it("is never the same for stacks that ask at once", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `stack-${index}`);
    const taken = await Promise.all(names.map((name) => takeSubnet(stack(name), [], marks)));
    expect([...taken].sort()).toEqual(names.map((_, index) => `198.18.${index}.0/24`));
  });

  it("is none that the machine or a neighbour without a mark uses", async () => {
    cluster("old", "plonk/old", "198.18.3.0/24");
    const used = ["198.18.0.7/32", "198.18.1.0/24", "198.18.2.0/24", "10.0.0.0/8"];
    expect(await takeSubnet(stack("one"), used, marks)).toBe("198.18.4.0/24");
    expect(await takeSubnet(stack("two"), ["198.18.0.0/16"], marks)).toBe("198.19.0.0/24");
  });

  it("of a stack that is gone without a word is free", async () => {
    const gone = stack("gone");
    await takeSubnet(gone, [], marks);
    rmSync(stateFileOf(gone));
    expect(await takeSubnet(stack("one"), [], marks)).toBe("198.18.0.0/24");
  });

  it("that the person chose is refused where another stack has it", async () => {
    const [one, two] = [stack("one"), stack("two")];
    await claimSubnet(one, "198.19.7.0/24", marks);
    await claimSubnet(one, "198.19.7.0/24", marks);
    await expect(claimSubnet(two, "198.19.7.0/24", marks)).rejects.toThrow(
      `plonk:subnet: 198.19.7.0/24 is taken by stack one of ${home}; choose another one`,
    );
  });

  it("that is full says so in one line", async () => {
    await expect(takeSubnet(stack("one"), ["198.18.0.0/15"], marks)).rejects.toThrow(
      "plonk:subnet: expected a free /24 of 198.18.0.0/15, got none",
    );
  });

  it.each([
    ["198.18.0.0/24", "198.18.0.255/32", true],
    ["198.18.0.0/24", "198.18.1.0/32", false],
    ["198.18.0.0/24", "0.0.0.0/0", true],
    ["198.19.255.0/24", "198.18.0.0/15", true],
  ])("%s and %s: overlap is %s", (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected);
    expect(overlaps(other, one)).toBe(expected);
  });
});

describe("clusters", () => {
  it("are a stack's by their mark, and by their name from before marks", async () => {
    cluster("local", "", "198.18.0.0/24");
    cluster("second", "plonk/local", "198.18.1.0/24");
    cluster("dev", "plonk/dev", "198.18.2.0/24");
    cluster("nobody", "", "198.18.3.0/24");
    expect(await ownClusters({ home, name: "local" }, "local")).toEqual(["local", "second"]);
    expect(await ownClusters({ home, name: "dev" }, "dev")).toEqual(["dev"]);
    expect(await subnetOf(home, "dev")).toBe("198.18.2.0/24");
    expect(await subnetOf(home, "none")).toBeUndefined();
  });

  it("are not deleted with what is mounted in them", async () => {
    const folder = join(home, "clusters", "local");
    const [mount, outside] = [join(folder, "mount"), join(home, "outside")];
    mkdirSync(mount, { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(outside, "precious"), "");
    execFileSync("mount", ["--bind", outside, mount]);
    try {
      await expect(removeFolder(folder)).rejects.toThrow(
        `${mount}: expected no mount, got one; unmount it and run this again`,
      );
    } finally {
      execFileSync("umount", [mount]);
    }
    await removeFolder(folder);
    expect([existsSync(folder), existsSync(join(outside, "precious"))]).toEqual([false, true]);
  });
});
