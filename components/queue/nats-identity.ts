/** What is random about the platform's own NATS: its certificate, and the keys of its users. */
import { KeyObject, webcrypto } from "node:crypto";
import { nkeys } from "@nats-io/transport-node";
import { LOGIN_FILE } from "../../contract/environment/index.ts";
import { NATS_SERVICES, type NatsService } from "../../contract/queue/index.ts";

/** The Service without an address of its own that gives each server of a cluster a name. */
export const ROUTES_SERVICE = "nats-cluster";

/** Contents of files by their names. */
type Texts = Record<string, string>;

const DAY_MS = 24 * 3600 * 1000;

/** Ten years: who wants other keys before says so by `keyRevision`. */
const VALIDITY_MS = 3653 * DAY_MS;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** File of a service's seed, beside the others'. */
export function toSeedFile(service: NatsService): string {
  return `${service}.seed`;
}

/** Makes seeds for all services and a certificate for the server in a namespace. */
export async function createNatsIdentity(namespace: string): Promise<Texts> {
  const seeds = NATS_SERVICES.map((service): [string, string] => {
    const seed = nkeys.createUser().getSeed();
    return [toSeedFile(service), Buffer.from(seed).toString("ascii")];
  });
  const hosts = ["nats", `nats.${namespace}`, `nats.${namespace}.svc`];
  const certificate = await createCertificate({
    authority: "NATS authority",
    hosts: [...hosts, `nats.${namespace}.svc.cluster.local`],
  });
  return { ...Object.fromEntries(seeds), ...certificate };
}

/** Names by which the servers of a cluster reach each other. */
export function toRouteHosts(namespace: string, servers: number): string[] {
  const numbers = Array.from({ length: servers }, (_, number) => number);
  return numbers.map((number) => `nats-${number}.${ROUTES_SERVICE}.${namespace}.svc`);
}

/**
 * Makes the certificate by which the servers of a cluster know each other: by an authority of their
 * own, so that no certificate for clients is good for a route.
 */
export function createRouteIdentity(hosts: readonly string[]): Promise<Texts> {
  return createCertificate({ authority: "NATS route authority", hosts, isClient: true });
}

/** The public key that belongs to a seed. */
export function toPublicKey(seed: string): string {
  return nkeys.fromSeed(Buffer.from(seed)).getPublicKey();
}

interface CertificateArgs {
  /** Name of its authority. */
  authority: string;
  hosts: readonly string[];
  /** Whether its holder shows it to others, too. @default false */
  isClient?: boolean;
}

/**
 * A certificate by an authority of its own, whose key is forgotten at once: it never signs another.
 * It begins a day early, as clocks differ.
 */
async function createCertificate({
  authority: authorityName,
  hosts,
  isClient = false,
}: CertificateArgs): Promise<Texts> {
  // The library needs it to be there first. Both are loaded by who has a NATS of its own only.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const [authority, server] = await Promise.all([createKeys(), createKeys()]);
  const issuer = `CN=plonk ${authorityName}`;
  const common = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + VALIDITY_MS),
    signingAlgorithm: ALGORITHM,
  };
  const { keyCertSign, digitalSignature } = x509.KeyUsageFlags;
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...common,
      name: issuer,
      keys: authority,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(keyCertSign, true),
      ],
    },
    webcrypto,
  );
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = [serverAuth, ...(isClient ? [clientAuth] : [])];
  const names = hosts.map((value) => ({ type: "dns" as const, value }));
  const leaf = await x509.X509CertificateGenerator.create(
    {
      ...common,
      issuer,
      subject: `CN=${hosts[0] ?? ""}`,
      publicKey: server.publicKey,
      signingKey: authority.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        new x509.SubjectAlternativeNameExtension(names),
      ],
    },
    webcrypto,
  );
  return {
    [LOGIN_FILE.ca]: root.toString("pem"),
    [LOGIN_FILE.certificate]: leaf.toString("pem"),
    [LOGIN_FILE.privateKey]: KeyObject.from(server.privateKey)
      .export({ type: "pkcs8", format: "pem" })
      .toString(),
  };
}

function createKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
