/** `npm run audit:operator`: kills the operator as it writes, and what is there in the end. */
import { interruptible } from "../cli/process.ts";
import { runCampaign } from "../test/integration/operator/kills/campaign.ts";
import { readNumbers } from "./audit-options.ts";

/** Exit code 1 when a promise was broken; the first line says how to run it again. */
export async function auditOperator(args: readonly string[]): Promise<number> {
  const { seed, kills } = readNumbers("audit:operator", args, { kills: [100, 100_000] });
  console.log(`npm run audit:operator -- --seed ${seed} --kills ${kills}`);
  const breaches = await interruptible((signal) =>
    runCampaign({ seed, kills, signal, report: (line) => console.log(line) }),
  );
  console.log([...breaches, `${breaches.length} breaches`].join("\n"));
  return breaches.length === 0 ? 0 : 1;
}
