// Mission time in the browser. The server's clock row says how mission time runs; every
// heartbeat of the live link corrects this copy, so that a page left open does not drift.

import { ordinal } from "./time";

export interface Reading {
  mission_ms: number;
  rate: number;
  paused: boolean;
  simulated: boolean;
}

class MissionClock extends EventTarget {
  private anchor_ms = Date.now();
  private taken_ms = performance.now();
  private rate = 1;
  private started = false;
  simulated = false;
  paused = false;

  /** Take a reading from the server, made just now. */
  set(reading: Reading): void {
    const was = this.now();
    const changed =
      this.rate !== reading.rate ||
      this.paused !== reading.paused ||
      this.simulated !== reading.simulated;
    const off_ms = reading.mission_ms - was;
    this.rate = reading.rate;
    this.paused = reading.paused;
    this.simulated = reading.simulated;
    // A heartbeat that was only late on the wire must not make the clock stutter:
    // small differences are ignored, scaled by how fast mission time runs.
    if (!this.started || changed || Math.abs(off_ms) > 400 * Math.max(1, reading.rate)) {
      this.anchor_ms = reading.mission_ms;
      this.taken_ms = performance.now();
    }
    this.started = true;
    if (changed) this.dispatchEvent(new Event("change"));
  }

  /** Mission time now, in milliseconds since 1970. */
  now(): number {
    const speed = this.paused ? 0 : this.rate;
    return this.anchor_ms + (performance.now() - this.taken_ms) * speed;
  }

  /** Mission milliseconds that pass in one wall millisecond. */
  get speed(): number {
    return this.paused ? 0 : this.rate;
  }
}

export const clock = new MissionClock();

/** `<zen-clock>`: the clock of the page, ticking in mission time. */
class ClockElement extends HTMLElement {
  private timer = 0;

  connectedCallback(): void {
    clock.set({
      mission_ms: Number(this.dataset.missionMs),
      rate: Number(this.dataset.rate ?? 1),
      paused: this.dataset.paused === "true",
      simulated: this.dataset.simulated === "true",
    });
    const tick = (): void => {
      const shown = ordinal(clock.now());
      if (this.textContent !== shown) this.textContent = shown;
    };
    tick();
    this.timer = window.setInterval(tick, 100);
  }

  disconnectedCallback(): void {
    window.clearInterval(this.timer);
  }
}

customElements.define("zen-clock", ClockElement);
