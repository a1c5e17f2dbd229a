// `<zen-map>`: the fleet on a world map, moving with mission time.
//
// Attributes: data-world (TopoJSON), data-positions (keyframes), data-links (lasers), data-facts: the id of a JSON
// script with stations, satellites and contacts; replacing its text (htmx does) updates the map.
// The chosen satellite is the page's selection: rows of the list and the map follow each other.

import { geoNaturalEarth1, type GeoProjection } from "d3-geo";
import { feature, mesh } from "topojson-client";

import { clock } from "./clock";
import { Frames } from "./frames";
import { track } from "./geo";
import { fetchKeyframes, fetchLinks, type State } from "./keyframes";
import { drawBase, drawMoving, type Mark, type Satellite, type Scene, type Station, type World } from "./mapdraw";
import { fit } from "./palette";
import { Positions } from "./positions";
import { satellites as selection } from "./selection";

interface Contact {
  satellite: string;
  station: string;
  aos: string;
  los: string;
}

interface Facts {
  stations: Station[];
  satellites: Satellite[];
  contacts: Contact[];
}

const EMPTY: Facts = { stations: [], satellites: [], contacts: [] };
const BASE_EVERY_MS = 1_000;
const TRACK_STEP_S = 30;
const TRACK_COMING = 190; // steps: one orbit of 95 minutes
const TRACK_PAST = 60;
const REACH_PX = 16;
const LINKS_EVERY_WALL_MS = 3_000;
const LINKS_EVERY_MS = 20_000; // of mission time: neighbours in orbit change slowly
const FASTEST_RAD_PER_MS = (2 * Math.PI) / (85 * 60_000); // none goes around in less than 85 minutes
const STEP_PX = 0.25; // what nobody sees move
const REST_MS = 200; // what else changes is drawn so soon

class MapElement extends HTMLElement {
  private canvas = document.createElement("canvas");
  private base = document.createElement("canvas");
  private projection: GeoProjection = geoNaturalEarth1();
  private world: World | null = null;
  private facts = EMPTY;
  private factsText = "";
  private positions!: Positions;
  private marks: Mark[] = [];
  private zoom = { k: 1, x: 0, y: 0 };
  private drawnBase = { at: -Infinity, key: "" };
  private tracks: { key: string; tracks: Scene["tracks"] } = { key: "", tracks: null };
  private lasers = { at_ms: -Infinity, asked_ms: -Infinity, pairs: [] as [string, string][] };
  private frames = new Frames(this.canvas, () => this.draw(), () => this.rest_ms());
  private wired = false;

  connectedCallback(): void {
    const url = this.dataset.positions ?? "";
    this.positions = new Positions((at_ms, speed) => fetchKeyframes(url, at_ms, speed));
    if (!this.wired) this.wire();
    void this.load();
    this.frames.start();
  }

  disconnectedCallback(): void {
    this.frames.stop();
  }

  /** How long a picture may stand: a map that is left open all night must not keep a processor busy. */
  private rest_ms(): number {
    const px_per_ms = this.projection.scale() * FASTEST_RAD_PER_MS * clock.speed;
    return Math.min(REST_MS, STEP_PX / px_per_ms);
  }

  /** What is drawn, in canvas pixels: for tests, which check data and not pixels. */
  visibleItems(): Mark[] {
    return this.marks.map((mark) => ({ ...mark }));
  }

  /** The satellite drawn nearest to a point of the canvas, within reach of a finger. */
  hitTest(x: number, y: number): string | null {
    let best: Mark | null = null;
    for (const mark of this.marks) {
      const near = best ? Math.hypot(best.x - x, best.y - y) : REACH_PX;
      if (Math.hypot(mark.x - x, mark.y - y) < near) best = mark;
    }
    return best?.code ?? null;
  }

  private wire(): void {
    this.wired = true;
    const { canvas } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "map");
    canvas.setAttribute(
      "aria-label",
      "Map of the fleet. Left and right arrows choose a satellite, Enter opens it, plus and minus zoom, 0 shows the whole Earth.",
    );
    this.prepend(canvas);
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 400));
    });
    let from: { x: number; y: number; moved: boolean } | null = null;
    canvas.addEventListener("pointerdown", (event) => {
      from = { x: event.offsetX, y: event.offsetY, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) {
        canvas.classList.toggle("pointing", this.hitTest(event.offsetX, event.offsetY) !== null);
        return;
      }
      const dx = event.offsetX - from.x;
      const dy = event.offsetY - from.y;
      if (!from.moved && Math.hypot(dx, dy) < 4) return;
      this.zoom = { k: this.zoom.k, x: this.zoom.x + dx, y: this.zoom.y + dy };
      from = { x: event.offsetX, y: event.offsetY, moved: true };
      this.drawnBase.at = -Infinity;
      this.frames.soon();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !from.moved) selection.choose(this.hitTest(event.offsetX, event.offsetY));
      from = null;
    });
    selection.addEventListener("change", () => this.frames.soon());
  }

  private async load(): Promise<void> {
    const reply = await fetch(this.dataset.world ?? "");
    const topology = await reply.json();
    this.world = {
      land: feature(topology, topology.objects.land) as World["land"],
      borders: mesh(topology, topology.objects.countries, (a, b) => a !== b),
    };
  }

  private readFacts(): void {
    const text = document.getElementById(this.dataset.facts ?? "")?.textContent ?? "";
    if (text === this.factsText) return;
    this.factsText = text;
    this.facts = text ? (JSON.parse(text) as Facts) : EMPTY;
    this.drawnBase.at = -Infinity;
  }

  private key(event: KeyboardEvent): void {
    const codes = this.facts.satellites.map((s) => s.code);
    const chosen = selection.chosen;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && codes.length) {
      const i = chosen ? codes.indexOf(chosen) : step > 0 ? -1 : 0;
      selection.choose(codes[(i + step + codes.length) % codes.length]);
    } else if (event.key === "+" || event.key === "=") this.zoomAt(this.centre().x, this.centre().y, 1.4);
    else if (event.key === "-") this.zoomAt(this.centre().x, this.centre().y, 1 / 1.4);
    else if (event.key === "0") this.reset();
    else if (event.key === "Escape") selection.choose(null);
    else if (event.key === "Enter" && chosen) {
      document.querySelector<HTMLAnchorElement>(`[data-key="${CSS.escape(chosen)}"] a`)?.click();
    } else return;
    event.preventDefault();
  }

  private centre(): { x: number; y: number } {
    const chosen = this.marks.find((m) => m.code === selection.chosen);
    return chosen ?? { x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 };
  }

  private zoomAt(x: number, y: number, by: number): void {
    const k = Math.min(12, Math.max(1, this.zoom.k * by));
    if (k === 1) return this.reset();
    const f = k / this.zoom.k;
    const cx = this.canvas.clientWidth / 2;
    const cy = this.canvas.clientHeight / 2;
    this.zoom = { k, x: (this.zoom.x - (x - cx)) * f + (x - cx), y: (this.zoom.y - (y - cy)) * f + (y - cy) };
    this.drawnBase.at = -Infinity;
    this.frames.soon();
  }

  private reset(): void {
    this.zoom = { k: 1, x: 0, y: 0 };
    this.drawnBase.at = -Infinity;
    this.frames.soon();
  }

  private place(): void {
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    this.projection.fitExtent([[6, 6], [width - 6, height - 6]], { type: "Sphere" });
    const [tx, ty] = this.projection.translate();
    const { k, x, y } = this.zoom;
    this.projection.scale(this.projection.scale() * k);
    this.projection.translate([(tx - width / 2) * k + width / 2 + x, (ty - height / 2) * k + height / 2 + y]);
  }

  private draw(): void {
    const ctx = this.canvas.getContext("2d");
    if (!ctx || !this.canvas.clientWidth) return;
    this.readFacts();
    this.positions.keep();
    this.keepLasers();
    const resized = fit(this.canvas);
    const scene = this.scene();
    if (this.world) this.redrawBase(this.world, scene, resized);
    const scale = window.devicePixelRatio || 1;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.base, 0, 0);
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    this.marks = drawMoving(ctx, this.projection, scene);
    this.describe(scene);
  }

  private keepLasers(): void {
    const url = this.dataset.links;
    const at_ms = clock.now();
    const wall_ms = performance.now();
    if (!url || Math.abs(at_ms - this.lasers.at_ms) < LINKS_EVERY_MS) return;
    if (wall_ms - this.lasers.asked_ms < LINKS_EVERY_WALL_MS) return;
    this.lasers.asked_ms = wall_ms;
    fetchLinks(url, at_ms)
      .then((pairs) => {
        this.lasers = { at_ms, asked_ms: wall_ms, pairs };
      })
      .catch(() => undefined); // asked again in some seconds; the last known links stay
  }

  private redrawBase(world: World, scene: Scene, resized: boolean): void {
    const key = `${scene.selected} ${scene.states.size}`;
    const now = performance.now();
    if (!resized && key === this.drawnBase.key && now - this.drawnBase.at < BASE_EVERY_MS) return;
    this.drawnBase = { at: now, key };
    this.place();
    this.base.width = this.canvas.width;
    this.base.height = this.canvas.height;
    const ctx = this.base.getContext("2d");
    if (!ctx) return;
    const scale = window.devicePixelRatio || 1;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    drawBase(ctx, this.projection, world, scene);
  }

  private scene(): Scene {
    const at_ms = clock.now();
    const states = new Map<string, State>();
    for (const { code } of this.facts.satellites) {
      const state = this.positions.at(code, at_ms);
      if (state) states.set(code, state);
    }
    const selected = selection.chosen;
    const links = this.facts.contacts.filter((c) => Date.parse(c.aos) <= at_ms && at_ms < Date.parse(c.los));
    return {
      at_ms,
      stations: this.facts.stations,
      satellites: this.facts.satellites,
      states,
      links,
      lasers: this.lasers.pairs,
      selected,
      tracks: this.tracksOf(selected, at_ms),
    };
  }

  private tracksOf(code: string | null, at_ms: number): Scene["tracks"] {
    const state = code ? this.positions.at(code, at_ms) : null;
    if (!code || !state) return null;
    // Ten seconds are a third of a degree: drawn anew that often, the track starts at its satellite.
    const key = `${code} ${Math.floor(at_ms / 10_000)}`;
    if (key !== this.tracks.key) {
      const { position, velocity } = state;
      this.tracks = {
        key,
        tracks: {
          past: track(position, velocity, -TRACK_STEP_S, TRACK_PAST),
          coming: track(position, velocity, TRACK_STEP_S, TRACK_COMING),
        },
      };
    }
    return this.tracks.tracks;
  }

  private describe(scene: Scene): void {
    const note = this.querySelector<HTMLElement>("[data-note]");
    if (note) {
      const words =
        this.positions.failed && !scene.states.size
          ? "Positions cannot be loaded; trying again."
          : !scene.satellites.length
            ? "No satellite in the catalogue. Load element sets with: manage.py load_elements FILE"
            : "";
      if (note.textContent !== words) note.textContent = words;
    }
    const out = this.querySelector<HTMLElement>("[data-chosen]");
    if (!out) return;
    const chosen = scene.satellites.find((s) => s.code === scene.selected);
    const state = chosen && scene.states.get(chosen.code);
    const light = state?.sunlit ? "in sunlight" : "in the Earth's shadow";
    const link = scene.links.find((l) => l.satellite === chosen?.code);
    const words = chosen
      ? [chosen.name, chosen.state_text, state ? light : "position unknown", link ? `in contact with ${link.station}` : ""]
          .filter(Boolean)
          .join(", ")
      : "";
    if (out.textContent !== words) out.textContent = words;
  }
}

customElements.define("zen-map", MapElement);
