// Fails unless static/console is exactly what the locked packages and src build.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, "static/console");
const fresh = mkdtempSync(join(tmpdir(), "zenith-bundle-"));

const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

try {
  execFileSync(process.execPath, [join(here, "build.mjs"), fresh], { stdio: "inherit" });
  const names = [...new Set([...files(committed), ...files(fresh)])];
  const same = (name) => {
    try {
      return readFileSync(join(committed, name)).equals(readFileSync(join(fresh, name)));
    } catch {
      return false;
    }
  };
  const different = names.filter((name) => !same(name));
  const axe = "../../tests/e2e/axe.min.js";
  if (!readFileSync(join(here, axe)).equals(readFileSync(join(here, "node_modules/axe-core/axe.min.js")))) {
    console.error("tests/e2e/axe.min.js is not the locked axe-core's; copy it from node_modules.");
    process.exitCode = 1;
  }
  if (different.length) {
    console.error(`static/console is not what src builds: ${different.join(", ")}`);
    console.error("Run `npm run build` in ops/console and commit the result.");
    process.exitCode = 1;
  } else {
    console.log(`static/console: ${names.length} files, all as built from the lock.`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
