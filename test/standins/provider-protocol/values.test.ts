/** Property bags on the wire and back. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import {
  decodePropertyMap,
  encodePropertyMap,
  equals,
  hasSecret,
  hasUnknown,
  isArchive,
  isAsset,
  isPropertyMap,
  type PropertyMap,
  reveal,
  Secret,
  UNKNOWN,
  unwrap,
  type Value,
} from "../../../standins/provider-protocol/values.ts";

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Structs of google-protobuf, which Pulumi's SDK writes with, lose a field named __proto__. */
const key = fc.string().filter((text) => text !== "__proto__");

const { properties: anyPropertyMap } = fc.letrec<{ value: Value; properties: PropertyMap }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string(),
      fc.constant(UNKNOWN),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("properties"),
      tie("value").map((value) => new Secret(value)),
    ),
    properties: fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  }),
);

describe("encodePropertyMap and decodePropertyMap", () => {
  it("give back any properties with its secrets and unknowns", () => {
    fc.assert(
      fc.property(anyPropertyMap, (properties) => {
        const wire = encodePropertyMap(properties).serializeBinary();
        expect(decodePropertyMap(struct.Struct.deserializeBinary(wire))).toEqual(properties);
      }),
    );
  });

  it("read outputs as their values, unknown where there is none", () => {
    const output = { [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4" };
    const wire = struct.Struct.fromJavaScript({
      known: { ...output, value: "a", dependencies: [] },
      secret: { ...output, value: "b", secret: true },
      later: output,
    });
    expect(decodePropertyMap(wire)).toEqual({
      known: "a",
      secret: new Secret("b"),
      later: UNKNOWN,
    });
  });

  it("take no properties for an empty one, and leave out fields that are undefined", () => {
    expect(decodePropertyMap(undefined)).toEqual({});
    const sparse = { a: 1, b: undefined } as unknown as PropertyMap;
    expect(encodePropertyMap(sparse).toJavaScript()).toEqual({ a: 1 });
  });

  it("hide a secret behind the engine's signature", () => {
    expect(encodePropertyMap({ key: new Secret("x") }).toJavaScript()).toEqual({
      key: { [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value: "x" },
    });
  });
});

describe("values", () => {
  const nested: PropertyMap = { list: [{ inner: new Secret({ deep: new Secret(1) }) }] };

  it("lose their secret marks when revealed, at any depth", () => {
    expect(reveal(nested)).toEqual({ list: [{ inner: { deep: 1 } }] });
    expect(unwrap(new Secret(new Secret("x")))).toBe("x");
  });

  it("are searched for secrets and unknowns, in secrets too", () => {
    expect([hasSecret(nested), hasSecret({ a: [1] }), hasSecret(undefined)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(hasUnknown({ a: [new Secret({ b: UNKNOWN })] })).toBe(true);
    expect(hasUnknown(nested)).toBe(false);
  });

  it("equal what is the same without marks; an unknown equals nothing", () => {
    fc.assert(
      fc.property(anyPropertyMap, (properties) => {
        expect(equals(properties, reveal(properties))).toBe(!hasUnknown(properties));
      }),
    );
    expect(equals({ a: 1 }, { b: 1 })).toBe(false);
    expect(equals([1, 2], [2, 1])).toBe(false);
    expect(equals([1], { 0: 1 })).toBe(false);
    expect(equals(UNKNOWN, UNKNOWN)).toBe(false);
  });

  it("of files and archives are equal by their content alone", () => {
    const asset = (signature: string, hash: string, path: string): PropertyMap => ({
      [SIGNATURE]: signature,
      hash,
      path,
    });
    const [file, archive] = [
      "c44067f5952c0a294b673a41bacd8c17",
      "0def7320c3a5731c473e5ecbe6d01bc7",
    ];
    const one = asset(file, "one", "here");
    expect(equals(one, asset(file, "one", "there"))).toBe(true);
    expect(equals(one, asset(file, "two", "here"))).toBe(false);
    expect(equals(one, asset(archive, "one", "here"))).toBe(false);
    expect(equals({ hash: "one", path: "here" }, { hash: "one", path: "there" })).toBe(false);
    expect([isAsset(one), isArchive(one), isAsset({ hash: "one" })]).toEqual([true, false, false]);
  });

  it("are bags only when they have fields", () => {
    const others: Value[] = [null, [], "a", UNKNOWN, new Secret({})];
    expect(others.map(isPropertyMap)).toEqual([false, false, false, false, false]);
    expect(isPropertyMap({})).toBe(true);
  });
});
