// The design tokens, read from the style sheet: Canvas and HTML share one set of colours.

const cache = new Map<string, string>();

/** The value of a custom property, e.g. `token("--status-normal")`. */
export function token(name: string): string {
  let value = cache.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    cache.set(name, value);
  }
  return value;
}

export type Status = "off" | "standby" | "normal" | "caution" | "serious" | "critical";

export const statusColour = (status: Status): string => token(`--status-${status}`);

/** Trace the shape of a status around (x, y): never colour alone tells a state. */
export function traceStatus(ctx: CanvasRenderingContext2D, status: Status, x: number, y: number, r: number): void {
  ctx.beginPath();
  if (status === "critical") polygon(ctx, x, y + r * 0.15, r * 1.25, 3, -Math.PI / 2);
  else if (status === "serious") polygon(ctx, x, y, r * 1.2, 4, 0);
  else if (status === "caution" || status === "off") polygon(ctx, x, y, r * 1.15, 4, Math.PI / 4);
  else if (status === "standby") polygon(ctx, x, y, r * 1.1, 6, 0);
  else ctx.arc(x, y, r, 0, 2 * Math.PI);
}

function polygon(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, n: number, turn: number): void {
  for (let i = 0; i < n; i += 1) {
    const a = turn + (2 * Math.PI * i) / n;
    ctx[i ? "lineTo" : "moveTo"](x + r * Math.cos(a), y + r * Math.sin(a));
  }
  ctx.closePath();
}

/** Give a canvas the size of its box in device pixels; true when that changed something. */
export function fit(canvas: HTMLCanvasElement): boolean {
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

/** Boxes already taken by labels; a label that finds no room is left out. */
export class Labels {
  private taken: [number, number, number, number][] = [];

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {}

  /** Whether the box is free and on the canvas; a free box is taken at once. */
  take(x0: number, y0: number, x1: number, y1: number): boolean {
    if (x0 < 0 || y0 < 0 || x1 > this.width || y1 > this.height) return false;
    if (this.taken.some((b) => x0 < b[2] && x1 > b[0] && y0 < b[3] && y1 > b[1])) return false;
    this.taken.push([x0, y0, x1, y1]);
    return true;
  }

  /** Write beside (x, y): right, left, above or below, whichever is free first. */
  write(ctx: CanvasRenderingContext2D, words: string, x: number, y: number, away: number, force = false): boolean {
    const width = ctx.measureText(words).width;
    const half = 7;
    const places: [number, number][] = [
      [x + away, y],
      [x - away - width, y],
      [x - width / 2, y - away - half],
      [x - width / 2, y + away + half],
    ];
    for (const [left, middle] of places) {
      if (this.take(left - 2, middle - half, left + width + 2, middle + half)) {
        ctx.fillText(words, left, middle);
        return true;
      }
    }
    if (force) ctx.fillText(words, places[0][0], y);
    return force;
  }
}
