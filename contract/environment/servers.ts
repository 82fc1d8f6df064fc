/** Servers of somebody else's that the platform uses, and the files to log in with. */
import { Type } from "typebox";
import { PORT } from "../names.ts";
import { durationSetting, portSetting } from "./settings.ts";

/** What NATS' addresses are: with `tls` a connection without TLS is given up. */
export const NATS_URL = "^(nats|tls)://([^\\s/@:?#\\[\\]]+|\\[[0-9a-fA-F:]+\\])(:[0-9]{1,5})?$";

/** What Prometheus' addresses are, without a slash at the end and without credentials. */
export const PROMETHEUS_URL = "^https?://[^\\s@?#]*[^\\s@?#/]$";

/** Of a service that uses NATS. */
export const natsSettings = {
  faas_nats_port: portSetting(PORT.nats),
  /** In the place of `faas_nats_address` and `faas_nats_port`. */
  nats_url: Type.Optional(Type.String({ pattern: NATS_URL })),
  /** Folder with files of LOGIN_FILE, read again for each connection. */
  nats_secret_path: Type.Optional(Type.String()),
};

/** Of a service that makes the streams of the queue. */
export const streamSettings = {
  /** Servers of NATS that have each message. @default as it is, 1 at first */
  queue_replicas: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
  /** How long dead letters are kept. */
  dead_letter_age: durationSetting("720h"),
};

/** Of a service that asks Prometheus. */
export const prometheusSettings = {
  faas_prometheus_host: Type.String({ default: "prometheus" }),
  faas_prometheus_port: portSetting(PORT.prometheus),
  /** In the place of `faas_prometheus_host` and `faas_prometheus_port`. */
  prometheus_url: Type.Optional(Type.String({ pattern: PROMETHEUS_URL })),
  /** Folder with files of LOGIN_FILE, of which it takes no NATS' own. */
  prometheus_secret_path: Type.Optional(Type.String()),
};

/** Names of the files with which a service logs in; each of them may be missing. */
export const LOGIN_FILE = {
  user: "user",
  password: "password",
  token: "token",
  /** NATS: a user's JWT and the seed of its nkey, as `nsc` writes them. */
  credentials: "user.creds",
  /** NATS: the seed of an nkey. */
  seed: "nkey.seed",
  /** Who signs the server's certificate, PEM; without it those that Node trusts. */
  ca: "ca.crt",
  /** NATS: the client's own certificate and its key, PEM. */
  certificate: "tls.crt",
  privateKey: "tls.key",
} as const;
