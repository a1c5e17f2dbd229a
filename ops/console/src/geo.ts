// Arithmetic of the map: positions between keyframes, the sun, shadow, footprints.
// Vectors are [x, y, z] in metres in the rotating Earth frame (ITRS) unless a name says otherwise.

export type Vector = [number, number, number];
export type LonLat = [number, number];

export const EARTH_RADIUS_M = 6_371_000;
const WGS84_E2 = 0.00669437999014;
const EARTH_ROTATION_RAD_PER_S = 7.2921159e-5; // IERS Conventions (2010), table 1.1
const EARTH_GM_M3_PER_S2 = 3.986004418e14;
const J2_RADIUS2_M2 = 1.08263e-3 * 6_378_137 ** 2;
const RAD = Math.PI / 180;

/** Position between two nodes by a cubic Hermite polynomial.
 *
 * The velocities must be those of the rotating frame. Between nodes 60 s apart the error
 * of a low orbit is 0.36 m (a straight line would be 3.8 km off). `s` is in [0, 1]. */
export function hermite(p0: Vector, v0: Vector, p1: Vector, v1: Vector, span_s: number, s: number): Vector {
  const s2 = s * s;
  const s3 = s2 * s;
  const h00 = 2 * s3 - 3 * s2 + 1;
  const h10 = (s3 - 2 * s2 + s) * span_s;
  const h01 = 3 * s2 - 2 * s3;
  const h11 = (s3 - s2) * span_s;
  return [
    h00 * p0[0] + h10 * v0[0] + h01 * p1[0] + h11 * v1[0],
    h00 * p0[1] + h10 * v0[1] + h01 * p1[1] + h11 * v1[1],
    h00 * p0[2] + h10 * v0[2] + h01 * p1[2] + h11 * v1[2],
  ];
}

/** Longitude and geodetic latitude in degrees (exact on the ellipsoid, 0.02° off at 1,000 km). */
export function lonLat([x, y, z]: Vector): LonLat {
  const flat = Math.hypot(x, y) * (1 - WGS84_E2);
  return [Math.atan2(y, x) / RAD, Math.atan2(z, flat) / RAD];
}

/** Height above the mean sphere, in metres. */
export const height_m = (p: Vector): number => Math.hypot(...p) - EARTH_RADIUS_M;

/** Where the sun stands overhead, to 0.01° (Astronomical Almanac, section C, low precision). */
export function subsolar(at_ms: number): LonLat {
  const days = at_ms / 86_400_000 - 10_957.5; // since J2000.0
  const mean_deg = 280.46 + 0.9856474 * days;
  const anomaly = (357.528 + 0.9856003 * days) * RAD;
  const ecliptic = (mean_deg + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RAD;
  const tilt = (23.439 - 0.0000004 * days) * RAD;
  const ascension_deg = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic)) / RAD;
  const sidereal_deg = 15 * (18.697374558 + 24.06570982441908 * days);
  const lon = (((ascension_deg - sidereal_deg) % 360) + 540) % 360;
  return [lon - 180, Math.asin(Math.sin(tilt) * Math.sin(ecliptic)) / RAD];
}

/** Radius, in degrees on the ground, within which a satellite at `h_m` stands above `mask_deg`. */
export function footprint_deg(h_m: number, mask_deg: number): number {
  const mask = mask_deg * RAD;
  return Math.acos((EARTH_RADIUS_M * Math.cos(mask)) / (EARTH_RADIUS_M + h_m)) / RAD - mask_deg;
}

function accelerate([x, y, z]: Vector): Vector {
  const r2 = x * x + y * y + z * z;
  const g = -EARTH_GM_M3_PER_S2 / (r2 * Math.sqrt(r2));
  const k = (1.5 * J2_RADIUS2_M2) / r2;
  const flat = 1 - (5 * z * z) / r2;
  return [g * x * (1 + k * flat), g * y * (1 + k * flat), g * z * (1 + k * (flat + 2))];
}

/** The ground track from a state on, every `step_s` (negative: backwards), for drawing.
 *
 * Integrates gravity with J2 in the inertial frame of the first instant (leapfrog, which keeps
 * the orbit's size): some kilometres off after one orbit, a fraction of a pixel on a world map.
 * Positions shown as facts never come from here, but from the server's keyframes. */
export function track(position: Vector, velocity: Vector, step_s: number, steps: number): LonLat[] {
  let p: Vector = [...position];
  let v: Vector = [
    velocity[0] - EARTH_ROTATION_RAD_PER_S * position[1],
    velocity[1] + EARTH_ROTATION_RAD_PER_S * position[0],
    velocity[2],
  ];
  let a = accelerate(p);
  const inner = 4;
  const h = step_s / inner;
  const points: LonLat[] = [lonLat(p)];
  for (let i = 1; i <= steps * inner; i += 1) {
    const half: Vector = [v[0] + (a[0] * h) / 2, v[1] + (a[1] * h) / 2, v[2] + (a[2] * h) / 2];
    p = [p[0] + half[0] * h, p[1] + half[1] * h, p[2] + half[2] * h];
    a = accelerate(p);
    v = [half[0] + (a[0] * h) / 2, half[1] + (a[1] * h) / 2, half[2] + (a[2] * h) / 2];
    if (i % inner) continue;
    const [lon, lat] = lonLat(p);
    const turned = lon - (EARTH_ROTATION_RAD_PER_S / RAD) * h * i;
    points.push([((((turned + 180) % 360) + 360) % 360) - 180, lat]);
  }
  return points;
}
