/** What the wire says about files and archives. */
import { expect, it } from "@jest/globals";
import { type Asset, readAsset } from "../../../standins/provider-protocol/assets.ts";
import { type PropertyMap, Secret } from "../../../standins/provider-protocol/values.ts";

const asset = (content: PropertyMap): PropertyMap => ({
  "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17",
  hash: "h",
  ...content,
});
const archive = (content: PropertyMap): PropertyMap => ({
  ...asset(content),
  "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
});

it.each<[string, PropertyMap, Asset]>([
  ["a file", asset({ path: "a" }), { kind: "path", path: "a" }],
  ["a text", asset({ text: "t" }), { kind: "text", text: "t" }],
  ["an empty text", asset({}), { kind: "text", text: "" }],
  ["a folder", archive({ path: "a/" }), { kind: "path", path: "a/" }],
  [
    "an archive of the program's",
    archive({
      assets: {
        text: asset({ text: new Secret("t") }),
        secret: new Secret(asset({ path: "a" })),
        folder: archive({ path: "f" }),
        inner: archive({ assets: { file: asset({ path: "b" }) } }),
      },
    }),
    {
      kind: "entries",
      entries: {
        text: { kind: "text", text: "t" },
        secret: { kind: "path", path: "a" },
        folder: { kind: "archive", path: "f" },
        inner: { kind: "entries", entries: { file: { kind: "path", path: "b" } } },
      },
    },
  ],
])("%s is read", (_, properties, expected) => {
  expect(readAsset(properties)).toEqual(expected);
});

it("refuses what has to be downloaded", () => {
  expect(() => readAsset(asset({ uri: "https://example.com/a" }))).toThrow(
    "source: expected a file, a folder or a text of the program's, got https://example.com/a",
  );
});
