/** An operator that is killed as it writes; `npm run audit:operator` does so at random. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Campaign, type Round } from "./kills/campaign.ts";
import type { Kill } from "./kills/world.ts";

let campaign: Campaign;

beforeAll(async () => {
  campaign = await Campaign.start();
});

afterAll(async () => {
  await (campaign as Campaign | undefined)?.stop();
});

/** Killed at the first write to such a path, which is stored or lost. */
function at(path: RegExp, fate: Kill["fate"]): Kill {
  return { isAt: (write) => path.test(write.path.split("?")[0] ?? ""), fate };
}

const ROUNDS: [when: string, round: Round][] = [
  [
    "when the Deployment of a new function was stored, and at its first write again",
    {
      changes: [
        ["first", "create"],
        ["second", "create"],
      ],
      kill: at(/\/deployments\//, "pass"),
      killAgain: at(/./, "lose"),
    },
  ],
  [
    "as it adopts code, or takes back what somebody has opened",
    {
      changes: [
        ["first", "code"],
        ["second", "openService"],
      ],
      kill: at(/\/configmaps\/|\/services\//, "lose"),
    },
  ],
  [
    "before a status is told, of a function that was made anew and of one that cannot run",
    {
      changes: [
        ["first", "breakImage"],
        ["second", "remake"],
      ],
      kill: at(/\/status$/, "lose"),
    },
  ],
];

describe("an operator that is killed", () => {
  it.each(ROUNDS)("%s brings about what is declared when it is back", async (_when, round) => {
    const { breaches, killedAt } = await campaign.run(round);
    expect(breaches).toEqual([]);
    expect(killedAt).not.toContain("at rest");
  });

  it("has made in the end what one makes that is never killed", async () => {
    expect(await campaign.compareWithMirror()).toEqual([]);
  });
});
