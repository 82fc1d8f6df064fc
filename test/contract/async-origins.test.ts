/** Which pages may call a function asynchronously, by its annotation. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readAsyncOrigins } from "../../contract/index.ts";
import { runs } from "../support/property-runs.ts";

const read = (text: string) => readAsyncOrigins({ "plonk/async-origins": text });

describe("the origins of a function", () => {
  test.each<[string, string[]]>([
    ["*", ["*"]],
    ["https://a.example", ["https://a.example"]],
    ["https://a.example, http://b.example:8080", ["https://a.example", "http://b.example:8080"]],
    ["https://a.example:443,http://b.example:80", ["https://a.example", "http://b.example"]],
    ["http://127.0.0.1:3000", ["http://127.0.0.1:3000"]],
  ])("%s are %j, as browsers send them", (text, origins) => {
    expect(read(text)).toEqual(origins);
  });

  test.each(["", "a.example", "https://a.example/", "*,https://a.example", "https://*.example"])(
    "%j are none, which is refused where it is declared",
    (text) => {
      expect(read(text)).toBeUndefined();
    },
  );

  test("are none where nothing is said", () => {
    expect([readAsyncOrigins(), readAsyncOrigins({})]).toEqual([undefined, undefined]);
  });

  test("of any list of origins are those of the list", () => {
    const origins = fc
      .tuple(fc.constantFrom("http", "https"), fc.domain(), fc.integer({ min: 1, max: 65_535 }))
      .map(([scheme, host, port]) => new URL(`${scheme}://${host.toLowerCase()}:${port}`).origin);
    const lists = fc.array(origins, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lists, fc.constantFrom(",", ", "), (list, comma) => {
        expect(read(list.join(comma))).toEqual(list);
      }),
      { numRuns: runs(200) },
    );
  });
});
