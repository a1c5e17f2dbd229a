// The live link: one socket a page. Events are numbered per stream; after a cut the client
// asks for what came after the last number it saw, so nothing is lost and nothing shown twice.

import { clock } from "./clock";

export interface LiveEvent {
  stream: string;
  number: number;
  kind: string;
  payload: Record<string, unknown>;
}

export interface Gap {
  stream: string;
  first: number;
  last: number;
}

type Listener = (event: LiveEvent) => void;
type GapListener = (gap: Gap) => void;

const HEARTBEAT_LATE_MS = 6_000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;

interface Subscription {
  last: number | null;
  listeners: Set<Listener>;
  gaps: Set<GapListener>;
}

class Live extends EventTarget {
  private socket: WebSocket | null = null;
  private streams = new Map<string, Subscription>();
  private retry_ms = RETRY_MIN_MS;
  private heard_ms = -Infinity;
  private closing = false;
  private readonly opened_ms = performance.now();

  /** Listen to a stream from `after` on (null: from now on). Returns the way to stop. */
  listen(stream: string, listener: Listener, after: number | null = null, onGap?: GapListener): () => void {
    let entry = this.streams.get(stream);
    const isNew = !entry;
    if (!entry) {
      entry = { last: after, listeners: new Set(), gaps: new Set() };
      this.streams.set(stream, entry);
    }
    entry.listeners.add(listener);
    if (onGap) entry.gaps.add(onGap);
    if (isNew) this.ask([stream]);
    return () => {
      entry.listeners.delete(listener);
      if (onGap) entry.gaps.delete(onGap);
      if (entry.listeners.size === 0) {
        this.streams.delete(stream);
        this.send({ unsubscribe: [stream] });
      }
    };
  }

  start(): void {
    if (this.socket || this.closing) return;
    const url = new URL("/ws/live", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.retry_ms = RETRY_MIN_MS;
      this.ask([...this.streams.keys()]);
    };
    socket.onmessage = (message) => this.take(JSON.parse(String(message.data)));
    socket.onclose = (event) => {
      this.socket = null;
      if (event.code === 4401 || event.code === 4403) {
        this.closing = true; // signed out: another attempt would be refused too
        return;
      }
      // Spread the clients out, or all of them come back in the same instant.
      const wait_ms = this.retry_ms * (0.5 + Math.random());
      this.retry_ms = Math.min(this.retry_ms * 2, RETRY_MAX_MS);
      window.setTimeout(() => this.start(), wait_ms);
    };
  }

  /** "live" while heartbeats come, "late" when they stopped, "off" before the first. */
  state(): "live" | "late" | "off" {
    if (this.silence_ms() >= HEARTBEAT_LATE_MS) return "late";
    return this.heard_ms === -Infinity ? "off" : "live";
  }

  /** Milliseconds since the last heartbeat, or since the page opened. */
  silence_ms(): number {
    return performance.now() - Math.max(this.heard_ms, this.opened_ms);
  }

  private ask(streams: string[]): void {
    if (!streams.length) return;
    this.send({
      subscribe: streams.map((stream) => ({ stream, after: this.streams.get(stream)?.last ?? null })),
    });
  }

  private send(message: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private take(message: Record<string, unknown>): void {
    if ("heartbeat" in message) {
      this.heard_ms = performance.now();
      clock.set({
        mission_ms: Date.parse(String(message.heartbeat)),
        rate: Number(message.rate),
        paused: Boolean(message.paused),
        simulated: Boolean(message.simulated),
      });
      this.dispatchEvent(new Event("heartbeat"));
    } else if ("subscribed" in message) {
      const entry = this.streams.get(String(message.subscribed));
      if (!entry || entry.last !== null) return;
      entry.last = Number(message.number);
      // The page was drawn before this: look once at what happened in between.
      announce(String(message.subscribed));
    } else if ("gap" in message) {
      const gap = message.gap as Gap;
      const entry = this.streams.get(gap.stream);
      if (!entry) return;
      entry.last = Math.max(entry.last ?? 0, gap.last);
      for (const listener of entry.gaps) listener(gap);
      announce(gap.stream);
    } else if ("number" in message) {
      this.deliver(message as unknown as LiveEvent);
    }
  }

  private deliver(event: LiveEvent): void {
    const entry = this.streams.get(event.stream);
    if (!entry || (entry.last !== null && event.number <= entry.last)) return;
    entry.last = event.number;
    for (const listener of entry.listeners) listener(event);
    announce(event.stream);
  }
}

/** Tell the page that a stream moved: `hx-trigger="live-contacts from:body"` refreshes on it. */
function announce(stream: string): void {
  document.body.dispatchEvent(new CustomEvent(`live-${stream.split(":")[0]}`, { detail: stream }));
}

export const live = new Live();

/** `<zen-link data-streams="fleet contacts">`: opens the page's link and shows its health. */
class Link extends HTMLElement {
  private timer = 0;

  connectedCallback(): void {
    for (const stream of (this.dataset.streams ?? "").split(/\s+/).filter(Boolean)) {
      live.listen(stream, () => undefined);
    }
    live.start();
    this.timer = window.setInterval(() => this.show(), 500);
    live.addEventListener("heartbeat", () => this.show());
  }

  disconnectedCallback(): void {
    window.clearInterval(this.timer);
  }

  private show(): void {
    const state = live.state();
    const words = { live: "Live", late: "Link lost", off: "Connecting" }[state];
    const symbol = { live: "status-normal", late: "status-critical", off: "status-standby" }[state];
    const light = this.querySelector<HTMLElement>(".status");
    if (light && light.textContent !== words) {
      light.textContent = words;
      light.className = `status ${symbol}`;
    }
    const banner = document.getElementById("stale-banner");
    if (banner) {
      banner.hidden = state !== "late";
      const since = banner.querySelector("[data-since]");
      if (since && state === "late") since.textContent = `${Math.round(live.silence_ms() / 1000)} s`;
    }
    document.documentElement.classList.toggle("is-stale", state === "late");
  }
}

customElements.define("zen-link", Link);
