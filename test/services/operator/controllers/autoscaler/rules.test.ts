/** Rules of decisions from what is declared and from the time. */
import { describe, expect, it } from "@jest/globals";
import { type Autoscale, readAutoscale } from "../../../../../contract/index.ts";
import { Floors, toRules } from "../../../../../services/operator/controllers/autoscaler/rules.ts";

const at = (text: string): number => Date.parse(text);
const scale = (name: string): string => `com.openfaas.scale.${name}`;

function read(labels: Record<string, string>, spec: object = {}): Autoscale {
  const autoscale = readAutoscale({ labels, scale: spec });
  if (autoscale === undefined) {
    throw new Error("expected a function that its load scales");
  }
  return autoscale;
}

describe("floors", () => {
  const office = { start: "0 8 * * 1-5", end: "0 18 * * 1-5", timeZone: "Europe/Berlin", min: 3 };
  const lunch = { start: "0 12 * * *", end: "0 13 * * *", timeZone: "Europe/Berlin", min: 9 };

  it("are the highest of those in force, as time goes by", () => {
    const floors = new Floors([office, lunch]);
    const minima = [
      "06:59:59",
      "07:00:00",
      "10:59:59",
      "11:00:00",
      "12:00:00",
      "16:59:59",
      "17:00:00",
    ];
    const seen = minima.map((time) => floors.at(at(`2027-01-04T${time}Z`)));
    expect(seen).toStrictEqual([0, 3, 3, 9, 3, 3, 0]);
  });

  it("are right again where the clock is set back", () => {
    const floors = new Floors([office]);
    expect(floors.at(at("2027-01-04T17:30:00Z"))).toBe(0);
    expect(floors.at(at("2027-01-04T12:30:00Z"))).toBe(3);
  });

  it("are 0 where there are none", () => {
    expect(new Floors([]).at(0)).toBe(0);
  });
});

describe("rules", () => {
  const limits = { [scale("min")]: "2", [scale("max")]: "10" };

  it("keep the minimum whatever happens, unless the function goes to zero", () => {
    expect(toRules(read(limits), 0)).toMatchObject({ floor: 2, min: 2, max: 10 });
    const zero = read({ ...limits, [scale("zero")]: "true" });
    expect(toRules(zero, 0)).toMatchObject({ floor: 0, min: 2, max: 10, zeroAfterMs: 900_000 });
  });

  it("have a floor in force as a minimum, for one that goes to zero, too, up to the maximum", () => {
    expect(toRules(read(limits), 4)).toMatchObject({ floor: 4, min: 4, max: 10 });
    expect(toRules(read(limits), 1)).toMatchObject({ floor: 2, min: 2 });
    const zero = read({ ...limits, [scale("zero")]: "true" });
    expect(toRules(zero, 1)).toMatchObject({ floor: 1, min: 2 });
    expect(toRules(zero, 40)).toMatchObject({ floor: 10, min: 10, max: 10 });
  });

  it("aim at a part of each target, and take what pods use for no reason to have some", () => {
    const signals = [
      { type: "rps", target: 100 },
      { type: "cpu", proportion: 1 },
      { type: "prometheus", target: 5, proportion: 0.5, query: "up" },
    ];
    expect(toRules(read(limits, { signals }), 0).signals).toStrictEqual([
      { name: "rps", target: 90, isDemand: true },
      { name: "cpu", target: 500, isDemand: false },
      { name: "signals[2]", target: 2.5, isDemand: true },
    ]);
  });
});
