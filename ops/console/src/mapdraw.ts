// Drawing of the fleet map: a base layer that changes slowly, and what moves on top of it.

import { geoCircle, geoGraticule10, geoPath, type GeoPermissibleObjects, type GeoProjection } from "d3-geo";

import { footprint_deg, height_m, lonLat, subsolar } from "./geo";
import type { LonLat, Vector } from "./geo";
import { Labels, statusColour, token, traceStatus, type Status } from "./palette";
import type { State } from "./keyframes";

export interface Station {
  code: string;
  name: string;
  lon: number;
  lat: number;
  mask_deg: number;
}

export interface Satellite {
  code: string;
  name: string;
  state: Status;
  state_text: string;
}

export interface Link {
  satellite: string;
  station: string;
}

export interface World {
  land: GeoPermissibleObjects;
  borders: GeoPermissibleObjects;
}

/** What one frame shows. */
export interface Scene {
  at_ms: number;
  stations: Station[];
  satellites: Satellite[];
  states: Map<string, State>;
  links: Link[];
  /** Pairs of satellites joined by laser. */
  lasers: [string, string][];
  selected: string | null;
  tracks: { past: LonLat[]; coming: LonLat[] } | null;
}

export interface Mark {
  code: string;
  x: number;
  y: number;
}

const LINE = (coordinates: LonLat[]): GeoPermissibleObjects => ({ type: "LineString", coordinates });

/** Land, night, graticule and station footprints. */
export function drawBase(ctx: CanvasRenderingContext2D, projection: GeoProjection, world: World, scene: Scene): void {
  const path = geoPath(projection, ctx);
  const fill = (shape: GeoPermissibleObjects, colour: string): void => {
    ctx.beginPath();
    path(shape);
    ctx.fillStyle = colour;
    ctx.fill();
  };
  const stroke = (shape: GeoPermissibleObjects, colour: string, width: number): void => {
    ctx.beginPath();
    path(shape);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke();
  };
  fill({ type: "Sphere" }, token("--map-sea"));
  stroke(geoGraticule10(), token("--map-graticule"), 0.5);
  fill(world.land, token("--map-land"));
  stroke(world.borders, token("--map-border"), 0.5);

  const [lon, lat] = subsolar(scene.at_ms);
  const night: LonLat = [lon > 0 ? lon - 180 : lon + 180, -lat];
  // Two steps: the shadow proper, and the edge of civil twilight (the sun 6° down).
  fill(geoCircle().center(night).radius(90)(), token("--map-night"));
  fill(geoCircle().center(night).radius(84)(), token("--map-night"));

  const heights = [...scene.states.values()].map((s) => height_m(s.position)).sort((a, b) => a - b);
  const chosen = scene.selected ? scene.states.get(scene.selected) : undefined;
  const height = chosen ? height_m(chosen.position) : heights[heights.length >> 1];
  if (!(height > 0)) return;
  for (const station of scene.stations) {
    const disc = geoCircle().center([station.lon, station.lat]).radius(footprint_deg(height, station.mask_deg))();
    fill(disc, token("--map-footprint-fill"));
    stroke(disc, token("--map-footprint-line"), 0.75);
  }
}

/** Links, tracks, stations and satellites; returns where each satellite was drawn. */
export function drawMoving(ctx: CanvasRenderingContext2D, projection: GeoProjection, scene: Scene): Mark[] {
  const path = geoPath(projection, ctx);
  const line = (points: LonLat[], colour: string, width: number, dash: number[] = []): void => {
    ctx.beginPath();
    path(LINE(points));
    ctx.setLineDash(dash);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke();
    ctx.setLineDash([]);
  };
  if (scene.tracks) {
    line(scene.tracks.past, token("--map-track-past"), 1, [2, 4]);
    line(scene.tracks.coming, token("--map-track"), 1.5);
  }
  for (const [a, b] of laserEnds(scene)) line([lonLat(a), lonLat(b)], token("--map-laser"), 1);

  const sites = new Map(scene.stations.map((s) => [s.code, s]));
  const linked = new Set<string>();
  for (const link of scene.links) {
    const site = sites.get(link.station);
    const state = scene.states.get(link.satellite);
    if (!site || !state) continue;
    linked.add(link.satellite).add(link.station);
    const ends: LonLat[] = [[site.lon, site.lat], lonLat(state.position)];
    line(ends, token("--map-link-glow"), 5);
    line(ends, token("--map-link"), 1.75);
  }
  const labels = new Labels(ctx.canvas.clientWidth, ctx.canvas.clientHeight);
  const marks = drawSatellites(ctx, projection, scene, linked, labels);
  drawStations(ctx, projection, scene, linked, labels);
  return marks;
}

/** Ends of the laser links; in a large fleet only those of the selected satellite, or they hide the map. */
function laserEnds(scene: Scene): [Vector, Vector][] {
  const few = scene.states.size <= 60;
  return scene.lasers.flatMap(([a, b]): [Vector, Vector][] => {
    if (!few && scene.selected !== a && scene.selected !== b) return [];
    const [one, other] = [scene.states.get(a), scene.states.get(b)];
    return one && other ? [[one.position, other.position]] : [];
  });
}

function drawSatellites(
  ctx: CanvasRenderingContext2D,
  projection: GeoProjection,
  scene: Scene,
  linked: Set<string>,
  labels: Labels,
): Mark[] {
  const many = scene.satellites.length > 60;
  const r = many ? 2.2 : 4.5;
  const marks: Mark[] = [];
  const named: [Satellite, number, number][] = [];
  for (const satellite of scene.satellites) {
    const state = scene.states.get(satellite.code);
    const at = state && projection(lonLat(state.position));
    if (!state || !at) continue;
    const [x, y] = at;
    marks.push({ code: satellite.code, x, y });
    const colour = statusColour(satellite.state);
    traceStatus(ctx, satellite.state, x, y, r);
    ctx.fillStyle = state.sunlit ? colour : token("--map-eclipse");
    ctx.fill();
    ctx.strokeStyle = colour;
    ctx.lineWidth = many ? 0.75 : 1.5;
    ctx.stroke();
    labels.take(x - r, y - r, x + r, y + r);
    const chosen = satellite.code === scene.selected;
    if (chosen || linked.has(satellite.code)) {
      ctx.beginPath();
      ctx.arc(x, y, r + (chosen ? 6 : 4), 0, 2 * Math.PI);
      ctx.strokeStyle = chosen ? token("--text") : token("--map-link");
      ctx.lineWidth = chosen ? 1.75 : 1;
      ctx.stroke();
    }
    if (!many || chosen) named.push([satellite, x, y]);
  }
  ctx.textBaseline = "middle";
  named.sort(([a], [b]) => Number(b.code === scene.selected) - Number(a.code === scene.selected));
  for (const [satellite, x, y] of named) {
    const chosen = satellite.code === scene.selected;
    ctx.font = `${chosen ? "700 12px" : "11px"} B612`;
    ctx.fillStyle = chosen ? token("--text") : token("--text-2");
    labels.write(ctx, satellite.name, x, y, r + (chosen ? 10 : 7), chosen);
  }
  return marks;
}

function drawStations(
  ctx: CanvasRenderingContext2D,
  projection: GeoProjection,
  scene: Scene,
  linked: Set<string>,
  labels: Labels,
): void {
  ctx.font = "10px B612 Mono";
  const sites = [...scene.stations].sort((a, b) => Number(linked.has(b.code)) - Number(linked.has(a.code)));
  for (const site of sites) {
    const at = projection([site.lon, site.lat]);
    if (!at) continue;
    const [x, y] = at;
    const busy = linked.has(site.code);
    ctx.fillStyle = busy ? token("--map-link") : token("--map-station");
    ctx.fillRect(x - 3, y - 3, 6, 6);
    ctx.fillStyle = busy ? token("--text") : token("--map-station-name");
    labels.write(ctx, site.code, x, y, 6, busy);
  }
}

