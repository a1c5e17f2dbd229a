// When a canvas is drawn: as often as something on it may have moved, and at once when somebody moves it.

/** Draws again after `rest_ms()`, at the next frame after `soon()`, and when the canvas changes its size. */
export class Frames {
  private frame = 0;
  private drawn_ms = -Infinity;
  private readonly resized = new ResizeObserver(() => this.soon());

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly draw: () => void,
    private readonly rest_ms: () => number,
  ) {}

  start(): void {
    this.resized.observe(this.canvas);
    this.soon();
    const look = (now_ms: number): void => {
      if (now_ms - this.drawn_ms >= this.rest_ms()) {
        this.drawn_ms = now_ms;
        this.draw();
      }
      this.frame = requestAnimationFrame(look);
    };
    this.frame = requestAnimationFrame(look);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.resized.disconnect();
  }

  soon(): void {
    this.drawn_ms = -Infinity;
  }
}
