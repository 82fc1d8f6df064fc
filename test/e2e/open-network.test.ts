/**
 * The road that most people take: from a fresh clone and an empty cache, on a network where the
 * vendors' downloads and registries answer. They are simulated on this machine and serve our own
 * builds; checksums, digests and all that is done with what comes are the real ones.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { THIRD_PARTY_IMAGES } from "../../contract/index.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { plonkCache } from "../../toolchain/directories.ts";
import { assembleNodeBase } from "../../toolchain/images/base.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { FreshClone, requireSuccess } from "../support/clone.ts";
import { provideNft } from "../support/firewalls.ts";
import { findLeftovers, type MachineState, readMachineState } from "../support/machine.ts";
import { findOwnAddress } from "../support/network.ts";
import { publishFiglet } from "../support/open-network/figlet.ts";
import { OpenNetwork } from "../support/open-network/open-network.ts";
import { Registry } from "../support/open-network/registry.ts";
import { findTool } from "../toolchain/acquire/support/vendors.ts";

const SUBNET = "198.18.81.0/24";
const IMAGE = "registry.example.com/me/figlet:0.1.0";
/** All that a person's first `up` downloads. */
const TOOLS = ["crane", "k3s", "pulumi", "pulumi-resource-command", "pulumi-resource-kubernetes"];
const minute = 60_000;

const folder = mkdtempSync(join(tmpdir(), "plonk-open-"));
const cache = join(folder, "cache");
const k3s = findTool("k3s").release?.files(hostArchitecture())[0]?.url ?? "";
let network: OpenNetwork;
let own: Registry;
let clone: FreshClone;
let before: MachineState;
let gateway = "";

function readMachine(): MachineState {
  const repository = dirname(dirname(import.meta.dirname));
  const ownHome = join(homedir(), ".local", "share", "plonk");
  const excluded = [plonkCache(), clone.home, clone.folder, repository, ownHome];
  return readMachineState(excluded, [clone.home, clone.folder]);
}

/** What a call is answered that has to succeed. */
async function call(path: string, body?: string): Promise<string> {
  const init = body === undefined ? {} : { method: "POST", body };
  const answer = await fetch(`${gateway}/function/${path}`, init);
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${path}: expected success, got ${answer.status} ${text}`);
  }
  return text;
}

beforeAll(async () => {
  await provideNft();
  const { path: crane } = await acquire("crane");
  network = await OpenNetwork.start(crane);
  await network.publishAll(TOOLS);
  network.mirror.interrupt(k3s, (_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end();
  });
  own = await Registry.start(crane, join(folder, "registry"), findOwnAddress());
  await publishFiglet(own, await assembleNodeBase(createImageContext()), "me/figlet:0.1.0");
  clone = new FreshClone("open", SUBNET, { ...network.env, PLONK_CACHE: cache });
  clone.linkDependencies();
  const registries = join(folder, "registries.yaml");
  const mirror = { endpoint: [`http://${own.host}`] };
  writeFileSync(registries, JSON.stringify({ mirrors: { "registry.example.com": mirror } }));
  clone.settings.push("--config", `plonk:registries=${registries}`);
  const sha256 = "sha256: declareSha256(platform).url,";
  const figlet = `figlet: new Function("figlet", { platform, image: "${IMAGE}" }).url,`;
  clone.edit("stacks/platform.ts", sha256, `${sha256} ${figlet}`);
  clone.edit("stacks/platform.ts", "  Platform,\n", "  Function,\n  Platform,\n");
  before = readMachine();
}, 5 * minute);

afterAll(async () => {
  try {
    await clone.remove();
  } finally {
    await Promise.all([network.stop(), own.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}, 5 * minute);

describe("npm run up on an open network", () => {
  it(
    "ends with a gateway that answers, also where a vendor is out of order for a moment",
    async () => {
      const { output } = requireSuccess(await clone.up());
      gateway = /Gateway\s+(http:\S+)/.exec(output)?.[1] ?? "";
      expect(await call("hello", "world")).toBe("hello world");
      expect(network.mirror.count(k3s)).toBe(2);
    },
    10 * minute,
  );

  it("has chosen a way out for functions and nodes", () => {
    const file = readFileSync(join(clone.folder, "stacks/Pulumi.local.yaml"), "utf8");
    expect(file).toMatch(/^ *plonk:egress: nat$/m);
  });

  it("has downloaded all of it, and built nothing", () => {
    const manifests = readdirSync(join(cache, "tools"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith("plonk-tool.json"))
      .map((path) => JSON.parse(readFileSync(join(cache, "tools", path), "utf8")) as object);
    expect(manifests).toHaveLength(TOOLS.length);
    for (const manifest of manifests) {
      expect(manifest).toMatchObject({ source: "mirror" });
    }
    const folders = readdirSync(cache);
    expect(folders.filter((name) => ["go", "debian"].includes(name))).toEqual([]);
    const images = readdirSync(join(cache, "images"));
    for (const name of THIRD_PARTY_IMAGES) {
      expect(images).toContainEqual(expect.stringMatching(`^vendor-${name}-`));
    }
    expect(images.filter((name) => /^(rootfs|node|tool|cluster)-/.test(name))).toEqual([]);
  });

  it(
    "changes nothing the second time, and downloads nothing",
    async () => {
      const requests = network.mirror.seen.length;
      expect(requireSuccess(await clone.up()).output).toMatch(/^Resources:\s+\d+ unchanged$/m);
      expect(network.mirror.seen).toHaveLength(requests);
    },
    2 * minute,
  );
});

describe("a function from an image of a registry of one's own", () => {
  it("answers", async () => {
    expect(await call("figlet", "hello")).toBe("HELLO");
  });

  it.each([
    ["reaches other machines", () => `${own.host}/v2/`, "yes"],
    ["reaches the gateway", () => "gateway.openfaas:8080/healthz", "yes"],
    ["does not reach the platform's own", () => "prometheus.openfaas:9090/-/ready", "no"],
  ])(
    "%s",
    async (_what, address, expected) => {
      expect(await call(`figlet/reach?${address()}`)).toBe(expected);
    },
    minute,
  );
});

describe("npm run down on an open network", () => {
  it(
    "leaves nothing on the machine",
    async () => {
      requireSuccess(await clone.run("down"));
      expect(findLeftovers(before, readMachine())).toEqual({});
      expect(readdirSync(clone.home)).not.toContain("clusters");
    },
    5 * minute,
  );
});
