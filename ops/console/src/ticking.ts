// Small elements that follow mission time: countdowns, ages, the banner and the contact strip.

import { clock } from "./clock";
import { age, countdown } from "./time";

/** Elements that are rewritten four times a second while they are on the page. */
abstract class Ticking extends HTMLElement {
  private timer = 0;

  connectedCallback(): void {
    this.tick();
    this.timer = window.setInterval(() => this.tick(), 250);
  }

  disconnectedCallback(): void {
    window.clearInterval(this.timer);
  }

  protected show(text: string): void {
    if (this.textContent !== text) this.textContent = text;
  }

  abstract tick(): void;
}

/** `<zen-countdown data-at="ISO">`: time left until an instant, then `data-after`. */
class Countdown extends Ticking {
  tick(): void {
    const left_ms = Date.parse(this.dataset.at ?? "") - clock.now();
    if (Number.isNaN(left_ms)) this.show("–");
    else this.show(left_ms > 0 ? countdown(left_ms) : (this.dataset.after ?? "00:00"));
  }
}

/** `<zen-age data-at="ISO" data-stale-s="120">`: how old a fact is; says when it is stale. */
class Age extends Ticking {
  tick(): void {
    const old_ms = clock.now() - Date.parse(this.dataset.at ?? "");
    if (Number.isNaN(old_ms)) {
      this.show("never");
      return;
    }
    const stale = old_ms > Number(this.dataset.staleS ?? Infinity) * 1000;
    if (stale !== this.classList.contains("stale")) {
      this.classList.toggle("stale", stale);
      this.title = stale ? "Stale: a newer value should have come by now" : "";
    }
    this.show(age(old_ms));
  }
}

/** `<zen-next>`: the contact strip of the header, counting to AOS, then to LOS.
 *
 * Its JSON holds the next contacts in order of AOS: `[{aos, los, satellite, antenna, url}]`. */
class NextContact extends Ticking {
  tick(): void {
    const script = this.querySelector("script");
    const out = this.querySelector<HTMLElement>("[data-out]");
    if (!script || !out) return;
    const contacts = JSON.parse(script.textContent || "[]") as {
      aos: string;
      los: string;
      satellite: string;
      antenna: string;
    }[];
    const now = clock.now();
    const open = contacts.filter((c) => Date.parse(c.aos) <= now && now < Date.parse(c.los));
    const next = contacts.find((c) => Date.parse(c.aos) > now);
    const parts: [string, string, string, string][] = [];
    if (open.length) {
      const last = open.reduce((a, b) => (a.los < b.los ? b : a));
      const more = open.length > 1 ? ` +${open.length - 1}` : "";
      parts.push(["LOS", countdown(Date.parse(last.los) - now), last.satellite, `${last.antenna}${more}`]);
    }
    if (next) {
      parts.push(["AOS", countdown(Date.parse(next.aos) - now), next.satellite, next.antenna]);
    }
    const key = JSON.stringify(parts);
    if (out.dataset.key === key) return;
    out.dataset.key = key;
    out.replaceChildren(
      ...(parts.length ? parts.map((part) => strip(...part)) : [text("No contact booked")]),
    );
  }
}

function text(words: string, name = "dim"): HTMLElement {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = words;
  return span;
}

function strip(what: string, left: string, who: string, where: string): HTMLElement {
  const box = document.createElement("span");
  box.className = `strip strip-${what.toLowerCase()}`;
  box.title = `${who} ${where}`;
  const whom = text(who, "strip-who");
  whom.append(text(` ${where}`, "strip-where"));
  box.append(text(what, "strip-what"), text(left, "strip-left"), whom);
  return box;
}

/** `<zen-banner>`: says on every page that the clock is simulated, and how fast it runs. */
class Banner extends Ticking {
  tick(): void {
    this.hidden = !clock.simulated;
    const out = this.querySelector<HTMLElement>("[data-rate]");
    const rate = clock.speed === 0 ? "PAUSED" : `rate ×${clock.speed}`;
    if (out && out.textContent !== rate) out.textContent = rate;
  }
}

customElements.define("zen-countdown", Countdown);
customElements.define("zen-age", Age);
customElements.define("zen-next", NextContact);
customElements.define("zen-banner", Banner);
