// Instants and durations as an operator reads them: UTC, day of year, fixed width.
// All instants are milliseconds since 1970-01-01T00:00:00Z.

const DAY_MS = 86_400_000;

const two = (n: number): string => String(n).padStart(2, "0");

/** Day of the year, 1 to 366. It is not a Julian date. */
export function dayOfYear(at_ms: number): number {
  const year = new Date(at_ms).getUTCFullYear();
  return Math.floor((at_ms - Date.UTC(year, 0, 1)) / DAY_MS) + 1;
}

/** `2026-234T12:00:00Z` (ISO 8601 ordinal date). */
export function ordinal(at_ms: number): string {
  return `${ordinalDay(at_ms)}T${timeOfDay(at_ms)}Z`;
}

/** `2026-234`. */
export function ordinalDay(at_ms: number): string {
  const year = new Date(at_ms).getUTCFullYear();
  return `${year}-${String(dayOfYear(at_ms)).padStart(3, "0")}`;
}

/** `12:00:00`. */
export function timeOfDay(at_ms: number): string {
  const d = new Date(at_ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

/** `12:00`. */
export function hourMinute(at_ms: number): string {
  return timeOfDay(at_ms).slice(0, 5);
}

/** A countdown: `04:12`, `1:04:12`, `2 d 03:10`; never negative. */
export function countdown(duration_ms: number): string {
  const s = Math.max(0, Math.ceil(duration_ms / 1000));
  const days = Math.floor(s / 86_400);
  const hours = Math.floor((s % 86_400) / 3600);
  const minutes = Math.floor((s % 3600) / 60);
  if (days > 0) return `${days} d ${two(hours)}:${two(minutes)}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(s % 60)}`;
  return `${two(minutes)}:${two(s % 60)}`;
}

/** How long ago, in one unit: `3 s`, `12 min`, `5 h`, `2 d`. */
export function age(duration_ms: number): string {
  const s = Math.max(0, Math.floor(duration_ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}
