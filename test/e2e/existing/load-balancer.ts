/** A cluster that gives addresses to Services, or does not: this test stands for its cloud. */
import { expect, it } from "@jest/globals";
import { type FreshClone, requireSuccess } from "../../support/clone.ts";
import type { ForeignNode } from "../../support/foreign-node.ts";
import { until } from "../../support/until.ts";

export interface BalancedStack {
  clone: FreshClone;
  stack: string;
  node: () => ForeignNode;
  configure: (settings: Record<string, unknown>) => void;
}

const minute = 60_000;

export function describeLoadBalancer({ clone, stack, node, configure }: BalancedStack): void {
  it(
    "a load balancer that never comes is named when its time is over",
    async () => {
      configure({ "plonk:loadBalancer": true });
      clone.edit("components/gateway/external-service.ts", 'TIMEOUT = "300s"', 'TIMEOUT = "10s"');
      const { code, output } = await clone.run("up", "--", "--stack", stack);
      clone.edit("components/gateway/external-service.ts", 'TIMEOUT = "10s"', 'TIMEOUT = "300s"');
      expect(code).not.toBe(0);
      const [, diagnostics = ""] = output.split("Diagnostics:");
      expect(diagnostics).toContain("core/v1:Service (plonk-gateway-external):");
      expect(diagnostics).toContain("Service was not allocated an IP address");
    },
    5 * minute,
  );

  it(
    "the address of a load balancer is the gateway's",
    async () => {
      const { address } = node();
      const run = clone.start(["up", "--", "--stack", stack]);
      const isWaiting = (): boolean => /gateway-external.*updating/.test(run.printed());
      await until("the Service", () => isWaiting() || run.child.exitCode !== null, 2 * minute);
      // As k3s' own load balancer does it: every node is one.
      const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: address }] } } });
      const service = ["-n", "openfaas", "patch", "service", "gateway-external"];
      node().kubectl([...service, "--subresource=status", "--type=merge", "-p", status]);
      const { output } = requireSuccess(await run.finished);
      const url = `http://${address}:8080`;
      expect(output).toContain(`curl -d world ${url}/function/hello`);
      const answer = await fetch(`${url}/function/hello`, { method: "POST", body: "balanced" });
      expect(await answer.text()).toBe("hello balanced");
    },
    5 * minute,
  );
}
