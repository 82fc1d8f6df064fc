/**
 * Loaded into the operator before its own code: leads connections to the addresses of gateways,
 * which an API server takes in EndpointSlices, to where they are played. All else is as it is. It
 * is JavaScript, as what makes that of TypeScript would be counted as the operator's memory.
 */
import net from "node:net";

/** `address=port`, separated by commas. */
const PLAYED = new Map(
  (process.env["bench_gateways"] ?? "").split(",").map((entry) => {
    const [address = "", port = ""] = entry.split("=");
    return [address, Number(port)];
  }),
);

const { connect } = net;

Object.assign(net, {
  connect: (options) => {
    const port = PLAYED.get(options.host ?? "");
    return connect(port === undefined ? options : { ...options, host: "127.0.0.1", port });
  },
});
