// The library's earlier clips: a strip of posters, searched by prompt, used again by a press, put away with undo.

import { button, element, randomId, setText, show, unfolding } from "./element.ts";
import { moment } from "./format.ts";
import type { KernelLink } from "./kernel_link.ts";
import { type HistoryAnswer, type MovedAnswer, type PastClip, TYPING_PAUSE_MS } from "./protocol.ts";

type Way = "use" | "hide" | "unhide" | "delete" | "restore";

export class History {
  readonly root: HTMLElement;
  /** what the strip shows; each poster is kept as long */
  readonly keys = new Set<string>();
  readonly #search = element("input", { type: "search", "aria-label": "Search by prompt", placeholder: "Search by prompt" });
  readonly #strip = element("ul", { class: "iv-strip" });
  readonly #older = button("Older", { class: "iv-link", hidden: "" }, () => this.#ask());
  readonly #sentence = element("span", { class: "iv-facts", role: "status", dir: "auto" });
  #question = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly link: KernelLink,
    /** says so and is true where nothing can be sent any more */
    private readonly refused: () => boolean,
  ) {
    const panel = element("div", { class: "iv-past" }, this.#search, this.#strip, this.#sentence, this.#older);
    this.root = element("div", {}, unfolding("Earlier clips", panel, () => this.#anew()), panel);
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#anew(), TYPING_PAUSE_MS);
    });
    link.assets.strips.add(this.keys);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.link.forget(this.#question);
    this.link.assets.strips.delete(this.keys);
  }

  #anew(): void {
    this.keys.clear();
    this.#ask();
  }

  /** Asks for what comes after the clips that are there: those put away are counted by the kernel no more. */
  #ask(): void {
    if (this.refused()) return;
    this.link.forget(this.#question);
    this.#question = randomId();
    const skip = this.keys.size && this.#strip.querySelectorAll(".iv-again:not([hidden])").length;
    this.link.listen(this.#question, (answer) => this.#hear(answer as HistoryAnswer));
    this.link.send({ type: "history", id: this.#question, search: this.#search.value, skip });
  }

  #hear({ clips, more, sentence }: HistoryAnswer): void {
    if (!this.keys.size) this.#strip.replaceChildren();
    this.#strip.append(...clips.filter(({ key }) => !this.keys.has(key)).map((clip) => this.#item(clip)));
    show(this.#older, more, this.#search);
    setText(this.#sentence, sentence);
  }

  #item({ key, prompt, at }: PastClip): HTMLElement {
    this.keys.add(key);
    const move = (way: Way, failed = () => {}): boolean => {
      if (this.refused()) return false;
      const id = randomId();
      this.link.listen(id, (answer) => {
        const { sentence, done } = answer as MovedAnswer;
        this.link.forget(id);
        setText(this.#sentence, sentence);
        if (!done) failed();
      });
      this.link.send({ type: "move", id, key, way });
      return true;
    };
    const picture = element("img", { alt: "" });
    this.link.assets.load("poster", key).then((url) => (picture.src = url), () => {});
    const use = button("", { class: "iv-again", "aria-label": `Use again: ${prompt}`, title: prompt }, () => move("use"));
    use.append(picture, element("bdi", {}, prompt));
    const actions = element("span", { class: "iv-actions" });
    const put = (label: string, pressed: () => void): HTMLButtonElement =>
      button(label, { class: "iv-link", title: prompt }, pressed);
    /** Shows the way back in place of a clip that was put away, or the clip again. */
    const turn = (undo?: HTMLElement): void => {
      const focused = actions.matches(":focus-within");
      use.hidden = undo !== undefined;
      actions.replaceChildren(...(undo ? [undo] : ways));
      if (focused) (undo ?? use).focus();
    };
    const away = (label: string, way: Way, back: Way): HTMLButtonElement =>
      put(label, () => {
        const undo = put("Undo", () => {
          if (move(back, () => turn(undo))) turn();
        });
        if (move(way, turn)) turn(undo);
      });
    const ways = [away("Hide", "hide", "unhide"), away("Delete", "delete", "restore")];
    actions.append(...ways);
    return element("li", {}, use, element("span", { class: "iv-facts" }, moment(at)), actions);
  }
}
