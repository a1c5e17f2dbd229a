// Builds static/console from src and the locked packages: `node build.mjs <folder>`.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "static/console");
const inPackage = (path) => join(here, "node_modules", path);
mkdirSync(out, { recursive: true });

await build({
  absWorkingDir: here,
  entryPoints: { console: "src/main.ts" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  banner: { js: "// Built by `npm run build` in ops/console; the source is in ops/console/src." },
});
await build({
  absWorkingDir: here,
  entryPoints: { console: "src/styles/console.css" },
  outdir: out,
  bundle: true,
  target: "chrome120",
  minify: true,
  loader: { ".woff2": "file" },
  assetNames: "fonts/[name]",
  legalComments: "none",
});
// Natural Earth, 1:110 million (public domain). Only what the map draws.
const world = JSON.parse(readFileSync(inPackage("world-atlas/countries-110m.json"), "utf8"));
for (const country of world.objects.countries.geometries) delete country.properties;
writeFileSync(join(out, "world-110m.json"), JSON.stringify(world));
for (const font of ["b612", "b612-mono"]) {
  mkdirSync(join(out, "fonts"), { recursive: true });
  copyFileSync(inPackage(`@fontsource/${font}/LICENSE`), join(out, `fonts/${font}-LICENSE.txt`));
}
copyFileSync(join(here, "src/images/mark.svg"), join(out, "mark.svg"));
