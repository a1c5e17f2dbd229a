// Loads one TypeScript module of src as the browser would get it.

import { buildSync } from "esbuild";

export async function load(name) {
  const { outputFiles } = buildSync({
    entryPoints: [new URL(`../src/${name}.ts`, import.meta.url).pathname],
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}
