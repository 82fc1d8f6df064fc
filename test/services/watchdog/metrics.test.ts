import { describe, expect, it } from "@jest/globals";
import { createRegistry } from "../../../services/lib/metrics.ts";
import { REVISION, VERSION } from "../../../services/lib/version.ts";
import { CallMetrics } from "../../../services/watchdog/metrics.ts";

const linesAbout = (text: string): string[] =>
  text.split("\n").filter((line) => line.includes("plonk_build_info"));

describe("the watchdog's metrics", () => {
  it("have the labels, buckets and sums that Prometheus expects", () => {
    const metrics = new CallMetrics();
    metrics.start();
    metrics.start();
    metrics.start();
    metrics.finish(200, "POST", 0.02);
    metrics.finish(200, "POST", 60);
    expect(metrics.inFlight).toBe(1);
    const lines = metrics.expose().split("\n");
    const labels = 'code="200",method="post"';
    expect(lines).toContain(`http_requests_total{${labels}} 2`);
    expect(lines.filter((line) => line.includes("_bucket"))).toStrictEqual(
      [
        ["0.005", 0],
        ["0.01", 0],
        ["0.025", 1],
        ["0.05", 1],
        ["0.1", 1],
        ["0.25", 1],
        ["0.5", 1],
        ["1", 1],
        ["2.5", 1],
        ["5", 1],
        ["10", 1],
        ["+Inf", 2],
      ].map(([le, count]) => `http_request_duration_seconds_bucket{${labels},le="${le}"} ${count}`),
    );
    expect(lines).toContain(`http_request_duration_seconds_sum{${labels}} 60.02`);
    expect(lines).toContain(`http_request_duration_seconds_count{${labels}} 2`);
    expect(lines).toContain("http_requests_in_flight 1");
    expect(lines.at(-1)).toBe("");
  });

  it("say what build it is of, as those of the other services do", async () => {
    const own = linesAbout(new CallMetrics().expose());
    expect(own.at(-1)).toBe(`plonk_build_info{version="${VERSION}",revision="${REVISION}"} 1`);
    expect(own).toStrictEqual(linesAbout(await createRegistry().metrics()));
  });
});
