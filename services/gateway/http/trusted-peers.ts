/** Whose word on the caller's address counts: proxies of ours, by address range. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP, type Socket } from "node:net";
import { findRangeMistake, parseRange } from "../../../contract/address-range.ts";

/** The other end of a connection. */
export interface Peer {
  /** `address:port` as X-Forwarded-For shows it (OpenFaaS adds the port); IPv6 in brackets. */
  forwardedFor: string;
  /** Its address alone; an IPv4 address inside an IPv6 one as IPv4. */
  address: string;
  /** Whether its X-Forwarded-* and Forwarded headers are believed. */
  isTrusted: boolean;
}

export class TrustedPeers {
  readonly #trusted = new BlockList();
  readonly #isEmpty: boolean;
  /** Asked once a connection: a connection carries many calls. */
  readonly #peers = new WeakMap<Socket, Peer>();

  /**
   * @param ranges - addresses (`192.0.2.7`) and ranges (`10.0.0.0/8`, `fd00::/8`)
   * @throws Error that quotes the range which is none
   */
  constructor(ranges: readonly string[] = []) {
    ranges.forEach((range) => this.#add(range));
    this.#isEmpty = ranges.length === 0;
  }

  /** Who is at the other end of a request's connection. */
  peerOf({ socket }: Pick<IncomingMessage, "socket">): Peer {
    let peer = this.#peers.get(socket);
    if (peer === undefined) {
      peer = this.#toPeer(socket);
      this.#peers.set(socket, peer);
    }
    return peer;
  }

  /**
   * The caller's address, for logs and for slowing logins down: the last one in X-Forwarded-For
   * that is not a proxy of ours, as far as proxies of ours tell it; else the peer's own.
   */
  clientAddress(request: Pick<IncomingMessage, "socket" | "headers">): string {
    const peer = this.peerOf(request);
    const header = request.headers["x-forwarded-for"];
    if (!peer.isTrusted || typeof header !== "string") {
      return peer.address;
    }
    let client = peer.address;
    for (const text of header.split(",").reverse()) {
      const address = withoutPort(text.trim());
      if (isIP(address) === 0) {
        break;
      }
      client = address;
      if (!this.#isTrusted(address)) {
        break;
      }
    }
    return client;
  }

  #add(text: string): void {
    const range = parseRange(text);
    if (range === undefined) {
      throw new Error(findRangeMistake(text));
    }
    this.#trusted.addSubnet(range.address, range.bits, range.family);
  }

  #toPeer({ remoteAddress = "", remotePort = 0 }: Socket): Peer {
    const address = unmapped(remoteAddress);
    const host = address.includes(":") ? `[${address}]` : address;
    return { forwardedFor: `${host}:${remotePort}`, address, isTrusted: this.#isTrusted(address) };
  }

  #isTrusted(address: string): boolean {
    const version = this.#isEmpty ? 0 : isIP(address);
    return version !== 0 && this.#trusted.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}

/** A dual-stack socket shows IPv4 peers as `::ffff:192.0.2.7`. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  return bracketed ?? (text.split(":").length === 2 ? (text.split(":", 1)[0] ?? "") : text);
}
