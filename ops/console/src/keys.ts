// Keys for the whole console: g then a letter goes to a page, ? shows the list.
// They can be switched off in that list (WCAG 2.1.4), and never act while somebody types.

const OFF = "zenith-keys-off";
const WAIT_MS = 1_200;

let waiting = 0;

function typing(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return target.isContentEditable || target.matches("input, textarea, select");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    const form = (event.target as HTMLElement).closest("form");
    if (event.key === "Enter" && form && (event.target as HTMLElement).matches("textarea")) form.requestSubmit();
    return;
  }
  if (typing(event) || localStorage.getItem(OFF)) return;
  const now = performance.now();
  if (event.key === "?") {
    document.querySelector<HTMLDialogElement>("#keys")?.showModal();
  } else if (event.key === "g") {
    waiting = now;
    return;
  } else if (now - waiting < WAIT_MS) {
    const key = CSS.escape(event.key);
    document.querySelector<HTMLAnchorElement>(`nav [data-go="${key}"]`)?.click();
  }
  waiting = -Infinity;
});

/** `<zen-keys>`: the list of keys, with the switch that turns them off. */
class Keys extends HTMLElement {
  connectedCallback(): void {
    const box = this.querySelector<HTMLInputElement>("input[type=checkbox]");
    if (!box) return;
    box.checked = !localStorage.getItem(OFF);
    box.addEventListener("change", () => {
      if (box.checked) localStorage.removeItem(OFF);
      else localStorage.setItem(OFF, "1");
    });
    this.querySelector("[data-close]")?.addEventListener("click", () => this.closest("dialog")?.close());
  }
}

customElements.define("zen-keys", Keys);

/** `<zen-show data-dialog="id">`: a button that opens a dialog. */
class Show extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("click", () => {
      document.querySelector<HTMLDialogElement>(`#${CSS.escape(this.dataset.dialog ?? "")}`)?.showModal();
    });
  }
}

customElements.define("zen-show", Show);
