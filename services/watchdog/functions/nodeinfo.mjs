/** Answers with what its pod runs on. */
import {
  availableParallelism,
  freemem,
  hostname,
  machine,
  release,
  totalmem,
  uptime,
} from "node:os";

const MIB = 1024 * 1024;

export default {
  fetch() {
    return Response.json({
      hostname: hostname(),
      architecture: machine(),
      kernel: release(),
      processors: availableParallelism(),
      memoryMiB: Math.floor(totalmem() / MIB),
      freeMemoryMiB: Math.floor(freemem() / MIB),
      uptimeSeconds: Math.floor(uptime()),
      node: process.version,
    });
  },
};
