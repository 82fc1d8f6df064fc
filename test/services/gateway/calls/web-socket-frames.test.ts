/** Where frames of a WebSocket begin and end. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FrameTracker } from "../../../../services/gateway/calls/web-socket-frames.ts";

/** A frame as RFC 6455 §5.2 draws it. */
function frame(payload: Buffer, isMasked: boolean): Buffer {
  const { length } = payload;
  const size =
    length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : longSize(length);
  size[0] = (size[0] ?? 0) | (isMasked ? 0x80 : 0);
  return Buffer.concat([Buffer.from([0x82, ...size]), Buffer.alloc(isMasked ? 4 : 0), payload]);
}

function longSize(length: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return [127, ...bytes];
}

describe("FrameTracker", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536])("follows a frame of %d bytes", (length) => {
    for (const isMasked of [false, true]) {
      const tracker = new FrameTracker();
      const bytes = frame(Buffer.alloc(length, 0xff), isMasked);
      tracker.push(bytes.subarray(0, -1));
      expect(tracker.isBetweenFrames).toBe(false);
      tracker.push(bytes.subarray(-1));
      expect(tracker.isBetweenFrames).toBe(true);
    }
  });

  test("does so however the bytes are cut", () => {
    const frames = fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean()));
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 400 }), (parts, step) => {
        const all = Buffer.concat(parts.map(([data, mask]) => frame(Buffer.from(data), mask)));
        const tracker = new FrameTracker();
        for (let at = 0; at < all.length; at += step) {
          tracker.push(all.subarray(at, at + step));
        }
        expect(tracker.isBetweenFrames).toBe(true);
      }),
    );
  });
});
