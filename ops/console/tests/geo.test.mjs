import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { footprint_deg, hermite, lonLat, subsolar, track } = await load("geo");
const GM = 3.986004418e14;
const RADIUS_M = 6_878_000;
const RATE = Math.sqrt(GM / RADIUS_M ** 3);

const circle = (t) => {
  const [c, s] = [Math.cos(RATE * t), Math.sin(RATE * t)];
  return { p: [RADIUS_M * c, RADIUS_M * s, 0], v: [-RADIUS_M * RATE * s, RADIUS_M * RATE * c, 0] };
};

test("between keyframes a minute apart the position is right to a metre", () => {
  const [a, b] = [circle(0), circle(60)];
  for (const t of [0, 7, 30, 53, 60]) {
    const p = hermite(a.p, a.v, b.p, b.v, 60, t / 60);
    const off = Math.hypot(...p.map((x, i) => x - circle(t).p[i]));
    assert.ok(off < 1, `${off} m off after ${t} s`);
  }
});

test("places are where they are", () => {
  assert.deepEqual(lonLat([6_378_137, 0, 0]), [0, 0]);
  // Svalbard on the WGS 84 ellipsoid: 78.23 N, 15.39 E, 460 m.
  const [lon, lat] = lonLat([1_258_407.5, 346_379.6, 6_222_607.0]);
  assert.ok(Math.abs(lon - 15.39) < 0.01 && Math.abs(lat - 78.23) < 0.01, `${lon} ${lat}`);
});

test("the sun stands over the tropic at the solstice, and near noon's meridian", () => {
  // Solstice of 2026: June 21, 08:24 UTC (U.S. Naval Observatory); equation of time -1 min 50 s.
  const [lon, lat] = subsolar(Date.parse("2026-06-21T08:24:00Z"));
  assert.ok(Math.abs(lat - 23.436) < 0.01, String(lat));
  assert.ok(Math.abs(lon - (15 * (12 - 8.4) + 1.85 / 4)) < 0.15, String(lon));
});

test("a footprint is what a mask leaves of the horizon", () => {
  assert.ok(Math.abs(footprint_deg(500_000, 0) - 21.98) < 0.05);
  assert.ok(Math.abs(footprint_deg(500_000, 10) - 14.0) < 0.2);
});

test("a ground track comes back to its latitude after one turn, further west", () => {
  const start = circle(0);
  const inclined = [0, start.v[1] * 0.3, start.v[1] * 0.954];
  // Seen from the ground: the rotation of the Earth is taken off.
  inclined[1] -= 7.2921159e-5 * start.p[0];
  const period = (2 * Math.PI) / RATE;
  const points = track(start.p, inclined, period / 200, 200);
  const [lon, lat] = points[200];
  assert.equal(points.length, 201);
  assert.ok(Math.abs(lat) < 1, String(lat));
  assert.ok(Math.abs(lon + 23.7) < 1, String(lon));
});
