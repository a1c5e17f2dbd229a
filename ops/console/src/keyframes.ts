// Keyframes of orbits: how the server writes them (constellation/positions.py), and what lies between.

import { hermite, type Vector } from "./geo";

export interface State {
  position: Vector;
  velocity: Vector;
  /** At the nearer keyframe: whether any sunlight falls on the satellite. */
  sunlit: boolean;
}

/** Keyframes of a fleet: position and velocity in the rotating frame, metres and metres a second. */
export interface Keyframes {
  start_ms: number;
  step_ms: number;
  frames: number;
  codes: string[];
  /** satellites x frames x 6 */
  values: Float32Array;
  /** satellites x frames: 0 umbra, 1 penumbra, 2 sunlit */
  light: Uint8Array;
}

function vector(keys: Keyframes, frame: number, satellite: number, part: 0 | 3): Vector {
  const i = (satellite * keys.frames + frame) * 6 + part;
  return [keys.values[i], keys.values[i + 1], keys.values[i + 2]];
}

/** The state of one satellite at an instant, or null outside the span of the keyframes
 * (and for a satellite whose orbit could not be propagated: its numbers are not finite). */
export function stateAt(keys: Keyframes, satellite: number, at_ms: number): State | null {
  const along = (at_ms - keys.start_ms) / keys.step_ms;
  const frame = Math.floor(along);
  if (frame < 0 || frame + 1 >= keys.frames) return null;
  const p0 = vector(keys, frame, satellite, 0);
  const v0 = vector(keys, frame, satellite, 3);
  const p1 = vector(keys, frame + 1, satellite, 0);
  const v1 = vector(keys, frame + 1, satellite, 3);
  const s = along - frame;
  const position = hermite(p0, v0, p1, v1, keys.step_ms / 1000, s);
  if (!Number.isFinite(position[0] + position[1] + position[2])) return null;
  const velocity = v0.map((v, i) => v + (v1[i] - v) * s) as Vector;
  const sunlit = keys.light[satellite * keys.frames + Math.round(along)] > 0;
  return { position, velocity, sunlit };
}

const VERSION = 1;
const FRAMES = 6;
const FEWEST_FRAMES = 3;
const MOST_FRAMES = 60;

/** Ask for keyframes from an instant on: more of them when mission time runs fast. */
export async function fetchKeyframes(url: string, at_ms: number, speed: number): Promise<Keyframes> {
  const address = new URL(url, location.href);
  address.searchParams.set("start", new Date(at_ms).toISOString());
  const frames = Math.min(MOST_FRAMES, Math.max(FEWEST_FRAMES, Math.ceil(FRAMES * Math.sqrt(speed))));
  address.searchParams.set("keyframes", String(frames));
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`positions: ${reply.status}`);
  return decode(await reply.arrayBuffer());
}

export function decode(bytes: ArrayBuffer): Keyframes {
  const length = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
  if (header.version !== VERSION) throw new Error(`positions: version ${header.version} is not ${VERSION}`);
  const count = header.satellites.length * header.keyframes;
  return {
    start_ms: header.start_s * 1000,
    step_ms: header.step_s * 1000,
    frames: header.keyframes,
    codes: header.satellites,
    values: new Float32Array(bytes, 4 + length, count * 6),
    light: new Uint8Array(bytes, 4 + length + count * 24, count),
  };
}

/** Pairs of satellites whose lasers hold a link at an instant (`/api/v1/links`). */
export async function fetchLinks(url: string, at_ms: number): Promise<[string, string][]> {
  const address = new URL(url, location.href);
  address.searchParams.set("at", new Date(at_ms).toISOString());
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`links: ${reply.status}`);
  const body = (await reply.json()) as { links: { satellites: [string, string] }[] };
  return body.links.map((link) => link.satellites);
}
