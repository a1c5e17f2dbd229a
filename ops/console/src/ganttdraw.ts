// Drawing of the timeline of contacts: one row an antenna, one bar a contact.

import { token } from "./palette";
import { hourMinute, ordinalDay } from "./time";

export interface Bar {
  id: string;
  antenna: string;
  satellite: string;
  state: string;
  state_text: string;
  /** Antenna time is taken from `from` to `until`: set-up and tear-down included. */
  from_ms: number;
  aos_ms: number;
  los_ms: number;
  until_ms: number;
  max_elevation_deg: number | null;
  url: string;
}

/** A span in which an antenna serves nobody. */
export interface Closed {
  antenna: string;
  reason: string;
  from_ms: number;
  until_ms: number;
}

export interface View {
  start_ms: number;
  end_ms: number;
  width: number;
  height: number;
  /** Rows scrolled out at the top, in pixels. */
  scroll: number;
  rowHeight: number;
}

export const GUTTER = 84;
export const AXIS = 34;

export const x_of = (view: View, at_ms: number): number =>
  GUTTER + ((at_ms - view.start_ms) / (view.end_ms - view.start_ms)) * (view.width - GUTTER);

export const y_of = (view: View, row: number): number => AXIS + row * view.rowHeight - view.scroll;

interface Look {
  fill: string;
  line: string;
  hatch: "" | "/" | "x" | "-";
}

/** Colour and pattern of a state: told apart without colour, too. */
export function look(state: string): Look {
  const looks: Record<string, Look> = {
    AVAILABLE: { fill: "--gantt-available", line: "--status-off", hatch: "" },
    SCHEDULING: { fill: "--gantt-scheduling", line: "--status-standby", hatch: "-" },
    SCHEDULED: { fill: "--gantt-scheduled", line: "--status-standby", hatch: "" },
    PREPASS: { fill: "--gantt-prepass", line: "--status-caution", hatch: "/" },
    PASS: { fill: "--gantt-pass", line: "--status-normal", hatch: "" },
    POSTPASS: { fill: "--gantt-prepass", line: "--status-normal", hatch: "/" },
    COMPLETED: { fill: "--gantt-completed", line: "--gantt-completed-line", hatch: "" },
    FAILED: { fill: "--gantt-failed", line: "--status-critical", hatch: "x" },
    FAILED_TO_SCHEDULE: { fill: "--gantt-failed", line: "--status-serious", hatch: "x" },
    CANCELLING: { fill: "--gantt-cancelled", line: "--status-off", hatch: "/" },
    CANCELLED: { fill: "--gantt-cancelled", line: "--status-off", hatch: "/" },
  };
  return looks[state] ?? looks.AVAILABLE;
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440];

function drawAxis(ctx: CanvasRenderingContext2D, view: View): void {
  const perPixel = (view.end_ms - view.start_ms) / (view.width - GUTTER);
  const step_ms = (STEPS_MIN.find((m) => (m * 60_000) / perPixel >= 64) ?? 1440) * 60_000;
  ctx.font = "11px B612";
  ctx.textBaseline = "middle";
  let day = "";
  for (let at = Math.ceil(view.start_ms / step_ms) * step_ms; at < view.end_ms; at += step_ms) {
    const x = x_of(view, at);
    ctx.strokeStyle = token("--gantt-grid");
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(Math.round(x) + 0.5, AXIS);
    ctx.lineTo(Math.round(x) + 0.5, view.height);
    ctx.stroke();
    ctx.fillStyle = token("--text-2");
    if (x + 36 < view.width) ctx.fillText(hourMinute(at), x + 3, 24);
    if (ordinalDay(at) !== day) {
      day = ordinalDay(at);
      ctx.fillStyle = token("--text-3");
      if (x + 70 < view.width) ctx.fillText(`${day} UTC`, x + 3, 10);
    }
  }
}

function hatch(ctx: CanvasRenderingContext2D, kind: Look["hatch"], x: number, y: number, w: number, h: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  ctx.beginPath();
  for (let i = -h; i < w; i += 5) {
    if (kind === "/" || kind === "x") {
      ctx.moveTo(x + i, y + h);
      ctx.lineTo(x + i + h, y);
    }
    if (kind === "x") {
      ctx.moveTo(x + i, y);
      ctx.lineTo(x + i + h, y + h);
    }
    if (kind === "-") {
      ctx.moveTo(x + i, y + h / 2);
      ctx.lineTo(x + i + 2.5, y + h / 2);
    }
  }
  ctx.lineWidth = 1;
  ctx.stroke();
  ctx.restore();
}

function drawBar(ctx: CanvasRenderingContext2D, view: View, row: number, bar: Bar, chosen: boolean): void {
  const y = y_of(view, row) + 2;
  const h = view.rowHeight - 4;
  const x = x_of(view, bar.aos_ms);
  const w = Math.max(2, x_of(view, bar.los_ms) - x);
  const style = look(bar.state);
  // Set-up and tear-down take the antenna as much as the pass does, so they are drawn as taken.
  ctx.fillStyle = token("--gantt-setup");
  const from = x_of(view, bar.from_ms);
  ctx.fillRect(from, y + h / 2 - 1.5, x_of(view, bar.until_ms) - from, 3);
  ctx.fillStyle = token(style.fill);
  ctx.fillRect(x, y, w, h);
  ctx.strokeStyle = token(style.line);
  if (style.hatch && w > 3) hatch(ctx, style.hatch, x, y, w, h);
  ctx.lineWidth = 1;
  ctx.strokeRect(x + 0.5, y + 0.5, Math.max(1, w - 1), h - 1);
  if (chosen) {
    ctx.strokeStyle = token("--text");
    ctx.lineWidth = 2;
    ctx.strokeRect(x - 2, y - 2, w + 4, h + 4);
  }
  ctx.font = "10px B612";
  if (h >= 10 && w > ctx.measureText(bar.satellite).width + 6) {
    ctx.fillStyle = token("--gantt-name");
    ctx.fillText(bar.satellite, x + 4, y + h / 2 + 0.5);
  }
}

function drawClosed(ctx: CanvasRenderingContext2D, view: View, row: number, closed: Closed): void {
  const y = y_of(view, row);
  const x = Math.max(GUTTER, x_of(view, closed.from_ms));
  const w = Math.min(view.width, x_of(view, closed.until_ms)) - x;
  ctx.fillStyle = token("--gantt-closed");
  ctx.fillRect(x, y, w, view.rowHeight);
  ctx.strokeStyle = token("--gantt-closed-line");
  hatch(ctx, "/", x, y, w, view.rowHeight);
  ctx.font = "10px B612";
  const words = closed.reason || "out of service";
  const wide = ctx.measureText(words).width;
  if (w <= wide + 12) return;
  ctx.fillStyle = token("--panel");
  ctx.fillRect(x + 3, y + 1, wide + 6, view.rowHeight - 2);
  ctx.fillStyle = token("--text-2");
  ctx.fillText(words, x + 6, y + view.rowHeight / 2 + 0.5);
}

export interface Chart {
  antennas: string[];
  closed: Closed[];
  bars: Bar[];
  chosen: string | null;
  now_ms: number;
}

export function drawChart(ctx: CanvasRenderingContext2D, view: View, chart: Chart): void {
  ctx.clearRect(0, 0, view.width, view.height);
  const rows = new Map(chart.antennas.map((name, i) => [name, i]));
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, view.width, view.height - AXIS);
  ctx.clip();
  chart.antennas.forEach((_, i) => {
    if (i % 2) return;
    ctx.fillStyle = token("--gantt-row");
    ctx.fillRect(0, y_of(view, i), view.width, view.rowHeight);
  });
  ctx.restore();
  drawAxis(ctx, view);
  ctx.save();
  ctx.beginPath();
  ctx.rect(GUTTER, AXIS, view.width - GUTTER, view.height - AXIS);
  ctx.clip();
  ctx.textBaseline = "middle";
  for (const closed of chart.closed) {
    const row = rows.get(closed.antenna);
    if (row === undefined || closed.until_ms < view.start_ms || closed.from_ms > view.end_ms) continue;
    drawClosed(ctx, view, row, closed);
  }
  for (const bar of chart.bars) {
    const row = rows.get(bar.antenna);
    if (row === undefined || bar.until_ms < view.start_ms || bar.from_ms > view.end_ms) continue;
    drawBar(ctx, view, row, bar, bar.id === chart.chosen);
  }
  drawNow(ctx, view, chart.now_ms);
  ctx.restore();
  drawNames(ctx, view, chart);
}

function drawNow(ctx: CanvasRenderingContext2D, view: View, now_ms: number): void {
  const x = Math.round(x_of(view, now_ms)) + 0.5;
  ctx.fillStyle = token("--gantt-past");
  ctx.fillRect(GUTTER, AXIS, Math.max(0, x - GUTTER), view.height);
  ctx.strokeStyle = token("--gantt-now");
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(x, AXIS);
  ctx.lineTo(x, view.height);
  ctx.stroke();
  ctx.fillStyle = token("--gantt-now");
  ctx.beginPath();
  ctx.moveTo(x - 5, AXIS);
  ctx.lineTo(x + 5, AXIS);
  ctx.lineTo(x, AXIS + 7);
  ctx.fill();
}

function drawNames(ctx: CanvasRenderingContext2D, view: View, chart: Chart): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, AXIS, GUTTER, view.height - AXIS);
  ctx.clip();
  const chosen = chart.bars.find((b) => b.id === chart.chosen)?.antenna;
  ctx.font = `${Math.min(11, view.rowHeight - 1)}px B612`;
  ctx.textBaseline = "middle";
  chart.antennas.forEach((name, i) => {
    ctx.fillStyle = name === chosen ? token("--text") : token("--text-2");
    ctx.fillText(name, 8, y_of(view, i) + view.rowHeight / 2 + 0.5);
  });
  ctx.restore();
}
