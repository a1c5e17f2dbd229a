// `<zen-plot data-url data-label data-unit>`: one parameter over time, following the live link.
//
// The address answers {start, end, parameters: {[data-parameter]: …}} (telemetry/api_archive.py): few
// samples as they are, many as an envelope, whose band is all that was and whose line is the mean;
// limits, when there are any, are data-limits, [{status, low, high}], and are shaded behind the line.

import uPlot from "uplot";

import { type Status, statusColour, token } from "./palette";
import { hourMinute, ordinal, timeOfDay } from "./time";

interface Series {
  form: "samples" | "envelope" | "states" | "state_envelope";
  times_s: number[];
  values?: (number | null)[];
  low?: (number | null)[];
  high?: (number | null)[];
  mean?: (number | null)[];
  bucket_s?: number;
}

interface Answer {
  start?: string;
  end?: string;
  parameters: Record<string, Series>;
}

interface Limit {
  status: Status;
  low: number | null;
  high: number | null;
}

const REFRESH_WALL_MS = 1_500;

class PlotElement extends HTMLElement {
  private plot: uPlot | null = null;
  private waiting = 0;
  private span: [number, number] = [0, 1];
  private bucket_s = 0;
  private lastLoad_ms = -Infinity;
  private readonly resized = new ResizeObserver(() => this.fit());
  private readonly moved = (): void => this.later();

  static readonly observedAttributes = ["data-url"];

  /** A morph of the page gives a plot another span without making it anew. */
  attributeChangedCallback(_: string, before: string | null): void {
    if (before !== null && this.isConnected) void this.load();
  }

  connectedCallback(): void {
    this.resized.observe(this);
    document.body.addEventListener("live-telemetry", this.moved);
    void this.load();
  }

  disconnectedCallback(): void {
    this.resized.disconnect();
    document.body.removeEventListener("live-telemetry", this.moved);
    window.clearTimeout(this.waiting);
    this.plot?.destroy();
    this.plot = null;
  }

  /** How many samples are shown: for tests, which check data and not pixels. */
  count(): number {
    return this.plot?.data[0].length ?? 0;
  }

  private later(): void {
    if (this.waiting) return;
    const wait = Math.max(0, this.lastLoad_ms + REFRESH_WALL_MS - performance.now());
    this.waiting = window.setTimeout(() => {
      this.waiting = 0;
      void this.load();
    }, wait);
  }

  private async load(): Promise<void> {
    this.lastLoad_ms = performance.now();
    const url = this.dataset.url ?? "";
    const reply = await fetch(url).catch(() => null);
    if (!reply?.ok) return this.note("Samples cannot be loaded; the next event tries again.");
    const body = (await reply.json()) as Answer;
    const series = body.parameters[this.dataset.parameter ?? ""];
    if (!this.isConnected || url !== this.dataset.url) return;
    const times = series.times_s;
    this.note(times.length ? "" : "No sample of this parameter in this span.");
    this.span = [
      body.start ? Date.parse(body.start) / 1000 : times[0],
      body.end ? Date.parse(body.end) / 1000 : times[times.length - 1],
    ];
    this.bucket_s = series.bucket_s ?? 0;
    const none = times.map(() => null);
    const data: uPlot.AlignedData = [
      times.map((t) => t + this.bucket_s / 2),
      series.low ?? none,
      series.high ?? none,
      series.mean ?? series.values ?? none,
    ];
    if (this.plot) this.plot.setData(data);
    else if (times.length) this.plot = new uPlot(this.options(), data, this);
  }

  private note(words: string): void {
    const out = this.querySelector<HTMLElement>("[data-note]");
    if (out && out.textContent !== words) out.textContent = words;
  }

  private fit(): void {
    this.plot?.setSize({ width: this.clientWidth, height: Math.max(80, this.clientHeight) });
  }

  private options(): uPlot.Options {
    const axis = {
      stroke: () => token("--text-3"),
      font: "11px B612",
      grid: { stroke: () => token("--gantt-grid"), width: 1 },
      ticks: { show: false },
    };
    // Passes lie hours apart: a line across the silence would invent samples.
    const gaps: uPlot.Series.GapsRefiner = (u, _, from, to, found) => [
      ...found,
      ...silences(u, from, to, this.bucket_s ? 2.5 : 10),
    ];
    return {
      width: this.clientWidth,
      height: Math.max(80, this.clientHeight),
      tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false, points: { size: 7 } },
      scales: { x: { time: true, range: () => this.span } },
      bands: [{ series: [2, 1], fill: () => `${token("--accent")}40` }],
      series: [
        {},
        { points: { show: false }, width: 0, gaps },
        { points: { show: false }, width: 0, gaps },
        {
          stroke: () => token("--accent"),
          width: 1.5,
          points: { show: (u) => u.data[0].length < 60, size: 4 },
          gaps,
        },
      ],
      axes: [
        { ...axis, size: 24, space: 70, values: (_, ticks) => ticks.map((s) => label(s, ticks)) },
        { ...axis, size: 52, space: 26 },
      ],
      hooks: { drawClear: [(u) => this.shadeLimits(u)], setCursor: [(u) => this.read(u)] },
    };
  }

  private shadeLimits(u: uPlot): void {
    const { left, top, width, height } = u.bbox;
    const shade = (status: Status, from: number, to: number): void => {
      const [y0, y1] = [from, to].map((y) => Math.min(top + height, Math.max(top, y)));
      if (y1 <= y0) return;
      u.ctx.fillStyle = statusColour(status);
      u.ctx.globalAlpha = 0.13;
      u.ctx.fillRect(left, y0, width, y1 - y0);
      u.ctx.globalAlpha = 0.7;
      u.ctx.fillRect(left, from === top ? y1 - 1 : y0, width, 1);
      u.ctx.globalAlpha = 1;
    };
    for (const { status, low, high } of JSON.parse(this.dataset.limits || "[]") as Limit[]) {
      if (high !== null) shade(status, top, u.valToPos(high, "y", true));
      if (low !== null) shade(status, u.valToPos(low, "y", true), top + height);
    }
  }

  private read(u: uPlot): void {
    const out = this.querySelector<HTMLElement>("[data-read]");
    const i = u.cursor.idx;
    if (!out) return;
    const [low, high, value] = [1, 2, 3].map((k) => (i == null ? null : u.data[k][i]));
    if (i == null || value == null) {
      out.textContent = "";
      return;
    }
    const said = low == null || high == null || low === high ? short(value) : `${short(low)} to ${short(high)}, mean ${short(value)}`;
    out.textContent = `${said} ${this.dataset.unit ?? ""} at ${ordinal(u.data[0][i] * 1000)}`;
  }
}

function short(value: number): number {
  return Number(value.toPrecision(6));
}

function label(at_s: number, ticks: number[]): string {
  if (ticks.length > 1 && ticks[1] - ticks[0] >= 86_400) return new Date(at_s * 1000).toISOString().slice(5, 10);
  const close = ticks.length > 1 && ticks[1] - ticks[0] < 60;
  return close ? timeOfDay(at_s * 1000) : hourMinute(at_s * 1000);
}

/** Pixel spans between samples more than `factor` times as far apart as usual. */
function silences(plot: uPlot, from: number, to: number, factor: number): [number, number][] {
  const times = plot.data[0];
  if (times.length < 4) return [];
  const steps = Array.from(times.slice(1), (t, i) => t - times[i]).sort((a, b) => a - b);
  const usual = steps[steps.length >> 1];
  const gaps: [number, number][] = [];
  for (let i = from + 1; i <= to; i += 1) {
    if (times[i] - times[i - 1] <= factor * usual) continue;
    gaps.push([plot.valToPos(times[i - 1], "x", true), plot.valToPos(times[i], "x", true)]);
  }
  return gaps;
}

customElements.define("zen-plot", PlotElement);
