/** Reading of what wrk and Linux say. */
import { describe, expect, test } from "@jest/globals";
import { parseProcessorSeconds, parseWrk } from "../../../bench/gateway/measure.ts";

const REPORT = `Running 3s test @ http://127.0.0.1:1/
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms    2.00ms  40.00ms   95.00%
    Req/Sec    47.03k     3.28k   52.00k    70.00%
  Latency Distribution
     50%  960.00us
     75%    1.10ms
     90%    1.90ms
     99%    1.13s 
  141090 requests in 3.00s, 33.11MB read
Requests/sec:  47030.12
Transfer/sec:     11.04MB
`;

describe("parseWrk", () => {
  test("reads calls, rate and latencies in milliseconds", () => {
    expect(parseWrk(REPORT)).toEqual({
      calls: 141_090,
      callsPerSecond: 47_030.12,
      p50Ms: 0.96,
      p99Ms: 1130,
      errors: 0,
    });
  });

  test("adds up all that went wrong", () => {
    const extra =
      "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 90\n";
    expect(parseWrk(REPORT.replace("Requests/sec", `${extra}Requests/sec`)).errors).toBe(100);
  });

  test("refuses anything else", () => {
    expect(() => parseWrk("unable to connect")).toThrow(
      'wrk: expected its report, got "unable to connect"',
    );
  });
});

describe("parseProcessorSeconds", () => {
  test("adds user and system time, whatever the program's name", () => {
    const stat = "42 (a b) (c)) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 1 1 1";
    expect(parseProcessorSeconds(stat)).toBe(3);
  });
});
