// What is chosen on a page (a satellite, a contact): kept in the address so that it can be shared.

import htmx from "htmx.org/dist/htmx.esm.js";

class Selection extends EventTarget {
  private key: string | null;

  constructor(private readonly parameter: string) {
    super();
    this.key = new URLSearchParams(location.search).get(parameter);
  }

  /** The chosen key, if any. */
  get chosen(): string | null {
    return this.key;
  }

  /** Choose one (or none): rows, map and timeline all follow. */
  choose(key: string | null): void {
    if (key === this.key) return;
    this.key = key;
    const url = new URL(location.href);
    if (key) url.searchParams.set(this.parameter, key);
    else url.searchParams.delete(this.parameter);
    history.replaceState(history.state, "", url);
    this.dispatchEvent(new Event("change"));
  }
}

export const satellites = new Selection("satellite");
export const contacts = new Selection("contact");

/** `<zen-choice data-of="satellite">`: wraps rows with `data-key`; marks and follows the chosen one. */
class Choice extends HTMLElement {
  private get selection(): Selection {
    return this.dataset.of === "contact" ? contacts : satellites;
  }

  private readonly mark = (): void => {
    const { chosen } = this.selection;
    for (const row of this.querySelectorAll<HTMLElement>("[data-key]")) {
      const is = row.dataset.key === chosen;
      if (row.classList.contains("chosen") !== is) row.classList.toggle("chosen", is);
      if (is && row.ariaCurrent !== "true") row.ariaCurrent = "true";
      else if (!is && row.ariaCurrent) row.ariaCurrent = null;
    }
  };

  /** The row that is to come into view as soon as the table holds it. */
  private awaited: string | null = null;

  private readonly reveal = (): void => {
    this.mark();
    this.awaited = this.selection.chosen;
    if (this.awaited && !this.show() && this.dataset.pages) this.turn();
  };

  private readonly changed = (): void => {
    this.mark();
    this.show();
  };

  private show(): boolean {
    if (!this.awaited) return false;
    const row = this.querySelector(`[data-key="${CSS.escape(this.awaited)}"]`);
    if (!row) return false;
    this.awaited = null;
    row.scrollIntoView({ block: "nearest" });
    return true;
  }

  /** Fetch the page of a long table on which the chosen row is; `data-pages` names what it fills. */
  private turn(): void {
    const page = document.querySelector<HTMLElement>(this.dataset.pages ?? "");
    if (!page) return;
    const url = new URL(location.href);
    url.searchParams.delete("page");
    history.replaceState(history.state, "", url);
    page.setAttribute("hx-get", url.pathname + url.search);
    // By the element that also refreshes the table, whose requests wait for each other: an answer
    // that was under way when the row was chosen must not come last and turn the table back.
    void htmx.ajax("GET", url.pathname + url.search, { source: page, target: page, swap: "innerMorph" });
  }

  private readonly observer = new MutationObserver(this.changed);

  connectedCallback(): void {
    this.selection.addEventListener("change", this.reveal);
    this.addEventListener("click", this.clicked);
    this.addEventListener("focusin", this.focused);
    this.observer.observe(this, { childList: true, subtree: true, attributeFilter: ["class", "aria-current"] });
    this.reveal();
    // With nothing chosen, the table opens at what is going on and not at what is long over.
    if (!this.selection.chosen) this.querySelector("[data-current]")?.scrollIntoView({ block: "start" });
  }

  disconnectedCallback(): void {
    this.selection.removeEventListener("change", this.reveal);
    this.removeEventListener("click", this.clicked);
    this.removeEventListener("focusin", this.focused);
    this.observer.disconnect();
  }

  private clicked(event: Event): void {
    const target = event.target as HTMLElement;
    if (target.closest("a, button, input, select, summary")) return;
    const row = target.closest<HTMLElement>("[data-key]");
    if (!row) return;
    this.selection.choose(row.dataset.key === this.selection.chosen ? null : (row.dataset.key ?? null));
  }

  private focused(event: Event): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-key]");
    if (row && (event.target as HTMLElement).matches(":focus-visible")) this.selection.choose(row.dataset.key ?? null);
  }
}

customElements.define("zen-choice", Choice);
