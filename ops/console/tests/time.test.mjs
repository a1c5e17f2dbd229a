import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { age, countdown, dayOfYear, ordinal } = await load("time");
const NOON = Date.parse("2026-08-22T12:00:00Z");

test("an instant is written with its day of the year", () => {
  assert.equal(ordinal(NOON), "2026-234T12:00:00Z");
  assert.equal(ordinal(Date.parse("2026-01-01T00:00:00Z")), "2026-001T00:00:00Z");
});

test("a leap year has 366 days", () => {
  assert.equal(dayOfYear(Date.parse("2028-12-31T23:59:59.999Z")), 366);
});

test("a countdown ends at zero and names days and hours", () => {
  assert.equal(countdown(-5), "00:00");
  assert.equal(countdown(1), "00:01");
  assert.equal(countdown(252_000), "04:12");
  assert.equal(countdown(3_852_000), "1:04:12");
  assert.equal(countdown(2 * 86_400_000 + 3 * 3_600_000 + 600_000), "2 d 03:10");
});

test("an age is told in one unit", () => {
  assert.deepEqual([0, 59_999, 60_000, 7_200_000, 3 * 86_400_000].map(age), ["0 s", "59 s", "1 min", "2 h", "3 d"]);
});
