import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

let waiting = null;
globalThis.requestAnimationFrame = (look) => ((waiting = look), 1);
globalThis.cancelAnimationFrame = () => (waiting = null);
let resize = null;
globalThis.ResizeObserver = class {
  constructor(changed) {
    resize = changed;
  }
  observe() {}
  disconnect() {}
};
const { Frames } = await load("frames");

test("is drawn when something may have moved, and at once when asked to or resized", () => {
  const drawn = [];
  let rest_ms = 100;
  let now_ms = 0;
  const frames = new Frames({}, () => drawn.push(now_ms), () => rest_ms);
  const run = (until_ms) => {
    for (; now_ms < until_ms; now_ms += 16) waiting?.(now_ms);
  };

  frames.start();
  run(320);
  assert.deepEqual(drawn, [0, 112, 224]);
  frames.soon();
  run(336);
  assert.deepEqual(drawn.slice(3), [320]);
  resize();
  run(352);
  assert.deepEqual(drawn.slice(4), [336]);
  rest_ms = 0;
  run(400);
  assert.deepEqual(drawn.slice(5), [352, 368, 384]);
  frames.stop();
  run(500);
  assert.equal(drawn.length, 8);
});
