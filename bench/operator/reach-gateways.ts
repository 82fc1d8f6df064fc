/**
 * Loaded into the operator before its own code: leads connections to the addresses of gateways,
 * which an API server takes in EndpointSlices, to where they are played. All else is as it is.
 */
import net from "node:net";

/** `address=port`, separated by commas. */
const PLAYED = new Map(
  (process.env["bench_gateways"] ?? "").split(",").map((entry) => {
    const [address = "", port = ""] = entry.split("=");
    return [address, Number(port)] as const;
  }),
);

const connect = net.connect as (options: net.TcpNetConnectOpts) => net.Socket;

Object.assign(net, {
  connect: (options: net.TcpNetConnectOpts): net.Socket => {
    const port = PLAYED.get(options.host ?? "");
    return connect(port === undefined ? options : { ...options, host: "127.0.0.1", port });
  },
});
