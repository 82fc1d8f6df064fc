/** A real containerd of the distribution on a socket of its own, and its CRI. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { BinaryReader, BinaryWriter } from "google-protobuf";
import type { ImageArtifact } from "../../../contract/index.ts";
import { extractDebianPackages } from "../../../standins/from-source/recipes/debian.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { until } from "../../support/until.ts";

/** Fields by number: text, a nested message, or several of either. */
type Fields = Record<number, string | number | Message | readonly (string | Message)[]>;
interface Message {
  fields: Fields;
}

/** A message of the CRI (kubernetes.io, `runtime.v1`), by field numbers. */
function message(fields: Fields): Message {
  return { fields };
}

export interface Containerd {
  ctr(...args: string[]): Promise<string>;
  /** Calls the CRI; returns the first string of each length-delimited field of the answer. */
  cri(method: string, request: Message): Promise<Map<number, Buffer>>;
  /** What kubelet asks before it pulls: the id of a present image, or nothing. */
  imageId(reference: string): Promise<string | undefined>;
  /**
   * Imports an archive as k3s does, which gives the image a name by digest, too. Resolves when the
   * CRI knows both: it learns by events of what others do.
   */
  takeIn(image: ImageArtifact, options?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts containerd below `directory`, whose socket path must be short. */
export async function startContainerd(
  directory: string,
  sandboxImage: string,
): Promise<Containerd> {
  const root = join(directory, "debian");
  await extractDebianPackages(createImageContext(), {
    packages: ["containerd", "runc", "libseccomp2"],
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    destination: root,
  });
  const libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"];
  const env = {
    ...process.env,
    PATH: `${join(root, "usr/bin")}:${join(root, "usr/sbin")}:${process.env["PATH"] ?? ""}`,
    LD_LIBRARY_PATH: libraries.map((each) => join(root, each)).join(":"),
  };
  const socket = join(directory, "containerd.sock");
  await mkdir(join(directory, "cni"));
  await writeFile(join(directory, "config.toml"), toConfig(directory, socket, sandboxImage));
  const child = spawn("containerd", ["--config", join(directory, "config.toml")], {
    env,
    stdio: "ignore",
  });
  const ctr = (...args: string[]): Promise<string> =>
    runCommand("ctr", ["--address", socket, "--namespace", "k8s.io", ...args], { env });
  await until("a containerd that answers", async () => {
    return (await ctr("version").catch(() => undefined)) !== undefined;
  });
  const client = new grpc.Client(`unix:${socket}`, grpc.credentials.createInsecure());
  const cri: Containerd["cri"] = (method, request) => call(client, method, request);
  await until("a CRI that answers, which comes after containerd", () =>
    cri("ImageService/ListImages", message({})).then(
      () => true,
      () => false,
    ),
  );
  const imageId: Containerd["imageId"] = async (reference) => {
    const request = message({ 1: message({ 1: reference }) });
    const found = (await cri("ImageService/ImageStatus", request)).get(1);
    return found && decode(found).get(1)?.toString();
  };
  return {
    ctr,
    cri,
    imageId,
    takeIn: async ({ reference, archives }, options = []) => {
      const [tagged = "", digest = ""] = reference.split("@");
      const byDigest = `${tagged.replace(/:[^:/]*$/, "")}@${digest}`;
      await ctr("images", "import", ...options, archives[hostArchitecture()] ?? "");
      await ctr("images", "tag", tagged, byDigest);
      for (const name of [tagged, byDigest]) {
        await until(`${name} in the CRI`, async () => (await imageId(name)) !== undefined);
      }
    },
    stop: async () => {
      client.close();
      await stopProcess(child);
      await runCommand("umount", ["--recursive", "--lazy", directory]).catch(() => "");
    },
  };
}

export interface PodRequest {
  /** Of all containers. */
  image: string;
  /** Folder for what they write. */
  logs: string;
  /** Environment of each container, by its name. */
  containers: Record<string, Record<string, string>>;
}

/**
 * Runs a pod as kubelet does, on the host's network, with a read-only root and no more rights.
 * Resolves to what removes it.
 */
export async function runPod(
  containerd: Containerd,
  { image, logs, containers }: PodRequest,
): Promise<() => Promise<void>> {
  const start = async (method: string, request: Message): Promise<string> =>
    (await containerd.cri(`RuntimeService/${method}`, request)).get(1)?.toString() ?? "";
  const host = message({ 1: message({ 1: 2 }) });
  const sandbox = message({
    1: message({ 1: "pod", 2: basename(logs), 3: "default" }),
    8: message({ 1: "/plonk-test", 2: host }),
  });
  const podId = await start("RunPodSandbox", message({ 1: sandbox }));
  for (const [name, environment] of Object.entries(containers)) {
    const container = message({
      1: message({ 1: name }),
      2: message({ 1: image }),
      6: Object.entries(environment).map(([key, value]) => message({ 1: key, 2: value })),
      15: message({ 2: message({ 3: host.fields[1] ?? "", 7: 1 }) }),
    });
    const request = message({ 1: podId, 2: container, 3: sandbox });
    const containerId = await start("CreateContainer", request);
    await containerd.cri("RuntimeService/StartContainer", message({ 1: containerId }));
  }
  return async () => {
    await containerd.cri("RuntimeService/StopPodSandbox", message({ 1: podId }));
    await containerd.cri("RuntimeService/RemovePodSandbox", message({ 1: podId }));
  };
}

function toConfig(directory: string, socket: string, sandboxImage: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_tcp_service = true
  sandbox_image = "${sandboxImage}"
[plugins."io.containerd.grpc.v1.cri".cni]
  conf_dir = "${directory}/cni"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
`;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) {
    return;
  }
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

function call(client: grpc.Client, method: string, request: Message): Promise<Map<number, Buffer>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/runtime.v1.${method}`,
      encode,
      decode,
      request,
      (error, answer: Map<number, Buffer> | undefined) => {
        if (answer === undefined) {
          reject(error ?? new Error(`${method}: an answer expected`));
        } else {
          resolve(answer);
        }
      },
    );
  });
}

function encode({ fields }: Message): Buffer {
  const writer = new BinaryWriter();
  for (const [number, value] of Object.entries(fields)) {
    for (const each of Array.isArray(value) ? (value as (string | Message)[]) : [value]) {
      if (typeof each === "string") {
        writer.writeString(Number(number), each);
      } else if (typeof each === "number") {
        writer.writeInt32(Number(number), each);
      } else {
        writer.writeBytes(Number(number), encode(each as Message));
      }
    }
  }
  return Buffer.from(writer.getResultBuffer());
}

/** The first value of each field that is text, bytes or a message. */
function decode(bytes: Buffer): Map<number, Buffer> {
  const reader = new BinaryReader(new Uint8Array(bytes));
  const found = new Map<number, Buffer>();
  while (reader.nextField()) {
    const number = reader.getFieldNumber();
    if (isDelimited(reader.getWireType()) && !found.has(number)) {
      found.set(number, Buffer.from(reader.readBytes()));
    } else {
      reader.skipField();
    }
  }
  return found;
}

/** Wire type 2 of the protocol-buffer encoding, which the library has no name for. */
function isDelimited(type: number): boolean {
  return type === 2;
}
