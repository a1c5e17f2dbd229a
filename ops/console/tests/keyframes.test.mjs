import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { decode, stateAt } = await load("keyframes");

/** An answer of two satellites and two keyframes, as the server lays it out. */
function answer() {
  let header = JSON.stringify({ version: 1, start_s: 600, step_s: 60, keyframes: 2, satellites: ["A", "B"] });
  header = header.padEnd(Math.ceil(header.length / 4) * 4);
  const bytes = new ArrayBuffer(4 + header.length + 4 * 24 + 4);
  new DataView(bytes).setUint32(0, header.length, true);
  new Uint8Array(bytes, 4, header.length).set(new TextEncoder().encode(header));
  const values = new Float32Array(bytes, 4 + header.length, 24);
  values.set([7e6, 0, 0, 0, 0, 100, 7e6, 0, 6000, 0, 0, 100], 0);
  values.fill(NaN, 12);
  new Uint8Array(bytes, 4 + header.length + 96).set([2, 0, 2, 2]);
  return bytes;
}

test("keyframes are read by satellite, and positions lie between them", () => {
  const keys = decode(answer());
  assert.deepEqual(keys.codes, ["A", "B"]);
  const half = stateAt(keys, 0, 630_000);
  assert.ok(Math.abs(half.position[2] - 3000) < 1e-6);
  assert.equal(stateAt(keys, 0, 601_000).sunlit, true);
  assert.equal(stateAt(keys, 0, 659_000).sunlit, false);
});

test("outside the keyframes, and where SGP4 refuses, there is no position", () => {
  const keys = decode(answer());
  assert.equal(stateAt(keys, 0, 599_000), null);
  assert.equal(stateAt(keys, 0, 660_000), null);
  assert.equal(stateAt(keys, 1, 630_000), null);
});
