// Where the satellites are: keyframes from the server, joined by Hermite interpolation.

import { clock } from "./clock";
import { stateAt, type Keyframes, type State } from "./keyframes";

const RETRY_WALL_MS = 5_000;

/** Keeps keyframes loaded around mission time, asking again before they run out. */
export class Positions {
  private keys: Keyframes | null = null;
  private index = new Map<string, number>();
  private busy = false;
  private blocked_until_ms = 0;
  failed = false;

  constructor(private readonly fetchKeys: (at_ms: number, speed: number) => Promise<Keyframes>) {}

  codes(): string[] {
    return this.keys?.codes ?? [];
  }

  at(code: string, at_ms: number): State | null {
    const satellite = this.index.get(code);
    return this.keys && satellite !== undefined ? stateAt(this.keys, satellite, at_ms) : null;
  }

  /** Call once a frame: fetches when mission time leaves, or is about to leave, the keyframes. */
  keep(): void {
    const now = clock.now();
    const { keys } = this;
    if (this.busy || performance.now() < this.blocked_until_ms) return;
    if (keys) {
      const end_ms = keys.start_ms + (keys.frames - 1) * keys.step_ms;
      const margin_ms = Math.max(1.2 * keys.step_ms, 4_000 * clock.speed);
      if (now >= keys.start_ms && now + margin_ms < end_ms) return;
    }
    this.busy = true;
    this.fetchKeys(now, clock.speed)
      .then((loaded) => {
        this.keys = loaded;
        this.index = new Map(loaded.codes.map((code, i) => [code, i]));
        this.failed = false;
        this.blocked_until_ms = performance.now() + 500;
      })
      .catch(() => {
        this.failed = true;
        this.blocked_until_ms = performance.now() + RETRY_WALL_MS;
      })
      .finally(() => {
        this.busy = false;
      });
  }
}
