// Alarms by keyboard and ear: rows that keys move over and act on, and a tone for what is new.
// The tone is off until somebody switches it on, and so are keys when all of them are.

const SOUND = "zenith-alarm-sound";
const KEYS_OFF = "zenith-keys-off";
const TONE_HZ = 880;
const TONE_S = 0.18;

/** `<zen-rows>`: j and k (or the arrows) move over rows with `data-row`; another key presses what
 * has it as `data-press` within the row. */
class Rows extends HTMLElement {
  connectedCallback(): void {
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("change", (event) => {
      const box = event.target as HTMLInputElement;
      if (!box.matches("[data-sound]")) return;
      if (box.checked) localStorage.setItem(SOUND, "1");
      else localStorage.removeItem(SOUND);
      if (box.checked) tone();
    });
    new MutationObserver(() => this.showSound()).observe(this, { childList: true, subtree: true });
    this.showSound();
  }

  private showSound(): void {
    const box = this.querySelector<HTMLInputElement>("[data-sound]");
    const isOn = Boolean(localStorage.getItem(SOUND));
    if (box && box.checked !== isOn) box.checked = isOn;
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(KEYS_OFF)) return;
    if (target.matches("input, textarea, select, button, a") && event.key !== "j" && event.key !== "k") return;
    if (target.matches("input, textarea, select")) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step) {
      this.move(target, step);
      event.preventDefault();
      return;
    }
    const row = target.closest("[data-row]");
    const pressed = row?.querySelector<HTMLElement>(`[data-press="${CSS.escape(event.key)}"]`);
    if (pressed) {
      pressed.click();
      event.preventDefault();
    }
  }

  private move(from: HTMLElement, step: number): void {
    const rows = [...this.querySelectorAll<HTMLElement>("[data-row]")];
    const row = from.closest<HTMLElement>("[data-row]");
    const next = row ? rows.indexOf(row) + step : 0;
    rows[Math.min(rows.length - 1, Math.max(0, next))]?.focus();
  }
}

/** `<zen-alarm data-calling>`: sounds, where that is switched on, when more alarms call than did. */
class AlarmCount extends HTMLElement {
  private calling = 0;

  connectedCallback(): void {
    this.calling = Number(this.dataset.calling);
    const link = this.querySelector("a");
    if (!link) return;
    new MutationObserver(() => this.look(link)).observe(link, { childList: true, subtree: true, characterData: true });
  }

  private look(link: HTMLElement): void {
    const calling = Number(link.querySelector("strong")?.textContent ?? 0);
    if (calling === this.calling) return;
    if (calling > this.calling && localStorage.getItem(SOUND)) tone();
    this.calling = calling;
    link.classList.toggle("calling", calling > 0);
  }
}

/** Two short tones; browsers that want a gesture first stay silent. */
function tone(): void {
  try {
    const audio = new AudioContext();
    for (const after of [0, 2 * TONE_S]) {
      const source = audio.createOscillator();
      const gain = audio.createGain();
      gain.gain.value = 0.15;
      source.frequency.value = TONE_HZ;
      source.connect(gain).connect(audio.destination);
      source.start(audio.currentTime + after);
      source.stop(audio.currentTime + after + TONE_S);
      source.onended = () => after && void audio.close();
    }
  } catch {
    // No sound here; the count and its mark say the same.
  }
}

customElements.define("zen-rows", Rows);
customElements.define("zen-alarm", AlarmCount);
