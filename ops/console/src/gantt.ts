// `<zen-gantt>`: the contacts of the day on their antennas.
//
// data-facts is the id of a JSON script {antennas, closed, contacts, start, end}; a new text updates
// it.
// The table beside it is its twin: same contacts, same selection.

import { clock } from "./clock";
import { Frames } from "./frames";
import { AXIS, GUTTER, drawChart, x_of, y_of, type Bar, type Chart, type View } from "./ganttdraw";
import { fit } from "./palette";
import { contacts as selection } from "./selection";
import { timeOfDay } from "./time";

interface Wire {
  id: string;
  antenna: string;
  satellite: string;
  state: string;
  state_text: string;
  from: string;
  aos: string;
  los: string;
  until: string;
  max_elevation_deg: number | null;
  url: string;
}

interface ClosedWire {
  antenna: string;
  from: string;
  until: string;
  reason: string;
}

const MIN_SPAN_MS = 10 * 60_000;
const MAX_SPAN_MS = 48 * 3_600_000;
const MIN_ROW = 12;
const MAX_ROW = 26;
const REST_MS = 100; // what comes from elsewhere is drawn so soon

class GanttElement extends HTMLElement {
  private canvas = document.createElement("canvas");
  private tip = document.createElement("div");
  private chart: Chart = { antennas: [], closed: [], bars: [], chosen: null, now_ms: 0 };
  private view: View = { start_ms: 0, end_ms: 1, width: 0, height: 0, scroll: 0, rowHeight: MIN_ROW };
  private text = "";
  private frames = new Frames(this.canvas, () => this.draw(), () => REST_MS);
  private drawn = "";

  connectedCallback(): void {
    if (!this.canvas.isConnected) this.wire();
    this.frames.start();
  }

  disconnectedCallback(): void {
    this.frames.stop();
  }

  /** The contact under a point of the canvas. */
  hitTest(x: number, y: number): string | null {
    if (x < GUTTER || y < AXIS) return null;
    const row = Math.floor((y - AXIS + this.view.scroll) / this.view.rowHeight);
    const antenna = this.chart.antennas[row];
    let best: Bar | null = null;
    let near = 5; // pixels: a five-minute pass is narrow on a day
    for (const bar of this.chart.bars) {
      if (bar.antenna !== antenna) continue;
      const off = Math.max(x_of(this.view, bar.aos_ms) - x, x - x_of(this.view, bar.los_ms), 0);
      if (off < near) [best, near] = [bar, off];
    }
    return best?.id ?? null;
  }

  /** What is drawn: for tests, which check data and not pixels. */
  visibleItems(): { id: string; x: number; y: number; state: string }[] {
    const rows = new Map(this.chart.antennas.map((name, i) => [name, i]));
    return this.chart.bars
      .filter((b) => b.until_ms >= this.view.start_ms && b.from_ms <= this.view.end_ms)
      .map((b) => ({
        id: b.id,
        state: b.state,
        x: (x_of(this.view, b.aos_ms) + x_of(this.view, b.los_ms)) / 2,
        y: y_of(this.view, (rows.get(b.antenna) ?? 0) + 0.5),
      }));
  }

  private wire(): void {
    const { canvas, tip } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "timeline");
    canvas.setAttribute(
      "aria-label",
      "Timeline of contacts. Left and right arrows choose a contact, up and down change the antenna, Enter opens it, plus and minus zoom, Home goes to now.",
    );
    tip.className = "tip";
    tip.hidden = true;
    this.append(canvas, tip);
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.shiftKey) this.pan(0, event.deltaY || event.deltaX);
      else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(event.deltaX, 0);
      else this.zoomAt(event.offsetX, Math.exp(event.deltaY / 400));
    });
    let from: { x: number; y: number; moved: boolean } | null = null;
    canvas.addEventListener("pointerdown", (event) => {
      from = { x: event.offsetX, y: event.offsetY, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return this.hover(event.offsetX, event.offsetY);
      const dx = event.offsetX - from.x;
      const dy = event.offsetY - from.y;
      if (!from.moved && Math.hypot(dx, dy) < 4) return;
      this.pan(-dx, -dy);
      from = { x: event.offsetX, y: event.offsetY, moved: true };
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !from.moved) selection.choose(this.hitTest(event.offsetX, event.offsetY));
      from = null;
    });
    canvas.addEventListener("pointerleave", () => {
      tip.hidden = true;
    });
    canvas.addEventListener("dblclick", (event) => this.open(this.hitTest(event.offsetX, event.offsetY)));
    selection.addEventListener("change", () => {
      this.reveal();
      this.frames.soon();
    });
  }

  private read(): void {
    const text = document.getElementById(this.dataset.facts ?? "")?.textContent ?? "";
    if (text === this.text) return;
    const first = this.text === "";
    this.text = text;
    const data = JSON.parse(text) as {
      antennas: string[];
      closed: ClosedWire[];
      contacts: Wire[];
      start: string;
      end: string;
    };
    this.chart.antennas = data.antennas;
    this.chart.closed = data.closed.map((c) => ({ ...c, from_ms: Date.parse(c.from), until_ms: Date.parse(c.until) }));
    this.chart.bars = data.contacts
      .map((c) => ({
        ...c,
        from_ms: Date.parse(c.from),
        aos_ms: Date.parse(c.aos),
        los_ms: Date.parse(c.los),
        until_ms: Date.parse(c.until),
      }))
      .sort((a, b) => a.aos_ms - b.aos_ms);
    if (first || this.view.start_ms === 0) {
      this.view.start_ms = Date.parse(data.start);
      this.view.end_ms = Date.parse(data.end);
    }
    this.drawn = "";
  }

  private draw(): void {
    const ctx = this.canvas.getContext("2d");
    if (!ctx || !this.canvas.clientWidth) return;
    this.read();
    const resized = fit(this.canvas);
    const { view, chart } = this;
    view.width = this.canvas.clientWidth;
    view.height = this.canvas.clientHeight;
    const room = (view.height - AXIS) / Math.max(1, chart.antennas.length);
    view.rowHeight = Math.min(MAX_ROW, Math.max(MIN_ROW, Math.floor(room)));
    view.scroll = Math.min(Math.max(0, view.scroll), Math.max(0, chart.antennas.length * view.rowHeight - view.height + AXIS));
    chart.now_ms = clock.now();
    chart.chosen = selection.chosen;
    // Drawn again only when a pixel could change: the now line moves slowly on a day.
    const key = JSON.stringify([view, chart.chosen, Math.round(x_of(view, chart.now_ms) * 2), document.fonts.status]);
    if (!resized && key === this.drawn) return;
    this.drawn = key;
    const scale = window.devicePixelRatio || 1;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    drawChart(ctx, view, chart);
  }

  private key(event: KeyboardEvent): void {
    const sideways = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const upright = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (sideways) this.step(sideways);
    else if (upright) this.change(upright);
    else if (event.key === "+" || event.key === "=") this.zoomAt(this.middle(), 1 / 1.5);
    else if (event.key === "-") this.zoomAt(this.middle(), 1.5);
    else if (event.key === "Home") this.goto(clock.now());
    else if (event.key === "Escape") selection.choose(null);
    else if (event.key === "Enter") this.open(selection.chosen);
    else return;
    event.preventDefault();
  }

  private chosenBar(): Bar | undefined {
    return this.chart.bars.find((b) => b.id === selection.chosen);
  }

  private step(by: number): void {
    const bar = this.chosenBar();
    const row = bar ? this.chart.bars.filter((b) => b.antenna === bar.antenna) : this.chart.bars;
    if (!bar) {
      const next = row.find((b) => b.los_ms > clock.now()) ?? row[row.length - 1];
      if (next) selection.choose(next.id);
      return;
    }
    const next = row[row.indexOf(bar) + by];
    if (next) selection.choose(next.id);
  }

  private change(by: number): void {
    const bar = this.chosenBar();
    if (!bar) return this.step(1);
    const { antennas, bars } = this.chart;
    for (let row = antennas.indexOf(bar.antenna) + by; row >= 0 && row < antennas.length; row += by) {
      const there = bars.filter((b) => b.antenna === antennas[row]);
      if (!there.length) continue;
      const near = there.reduce((a, b) => (Math.abs(b.aos_ms - bar.aos_ms) < Math.abs(a.aos_ms - bar.aos_ms) ? b : a));
      return selection.choose(near.id);
    }
  }

  private middle(): number {
    const bar = this.chosenBar();
    return bar ? x_of(this.view, bar.aos_ms) : (this.view.width + GUTTER) / 2;
  }

  private zoomAt(x: number, by: number): void {
    const { view } = this;
    const span = view.end_ms - view.start_ms;
    const wanted = Math.min(MAX_SPAN_MS, Math.max(MIN_SPAN_MS, span * by));
    const part = Math.min(1, Math.max(0, (x - GUTTER) / (view.width - GUTTER)));
    view.start_ms += (span - wanted) * part;
    view.end_ms = view.start_ms + wanted;
    this.frames.soon();
  }

  private pan(dx: number, dy: number): void {
    const { view } = this;
    const by_ms = (dx / (view.width - GUTTER)) * (view.end_ms - view.start_ms);
    view.start_ms += by_ms;
    view.end_ms += by_ms;
    view.scroll += dy;
    this.frames.soon();
  }

  private goto(at_ms: number): void {
    const half = (this.view.end_ms - this.view.start_ms) / 2;
    this.view.start_ms = at_ms - half;
    this.view.end_ms = at_ms + half;
    this.frames.soon();
  }

  private reveal(): void {
    const bar = this.chosenBar();
    const out = this.querySelector<HTMLElement>("[data-chosen]");
    if (out) out.textContent = bar ? describe(bar) : "";
    if (!bar) return;
    if (bar.aos_ms < this.view.start_ms || bar.los_ms > this.view.end_ms) this.goto(bar.aos_ms);
    const y = this.chart.antennas.indexOf(bar.antenna) * this.view.rowHeight;
    const room = this.view.height - AXIS - this.view.rowHeight;
    if (y < this.view.scroll) this.view.scroll = y;
    else if (y > this.view.scroll + room) this.view.scroll = y - room;
  }

  private open(id: string | null): void {
    const bar = this.chart.bars.find((b) => b.id === id);
    if (bar) location.assign(bar.url);
  }

  private hover(x: number, y: number): void {
    const bar = this.chart.bars.find((b) => b.id === this.hitTest(x, y));
    this.canvas.classList.toggle("pointing", Boolean(bar));
    this.tip.hidden = !bar;
    if (!bar) return;
    this.tip.textContent = describe(bar);
    this.tip.style.left = `${Math.min(x + 12, this.view.width - 330)}px`;
    this.tip.style.top = `${y + 16 > this.view.height - 60 ? y - 48 : y + 16}px`;
  }
}

function describe(bar: Bar): string {
  const high = bar.max_elevation_deg === null ? "" : `, max elevation ${Math.round(bar.max_elevation_deg)}°`;
  const span = `AOS ${timeOfDay(bar.aos_ms)}, LOS ${timeOfDay(bar.los_ms)} UTC`;
  return `${bar.antenna} ${bar.satellite}, ${bar.state_text.toLowerCase()}, ${span}${high}`;
}

customElements.define("zen-gantt", GanttElement);
