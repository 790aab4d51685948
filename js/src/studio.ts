// One view of the widget: puts the parts together, brings them up to date, asks the kernel for a run.

import { Choices } from "./choices.ts";
import { button, element, randomId, setAttribute, setText, show } from "./element.ts";
import { EngineChip } from "./engine_chip.ts";
import { percent } from "./format.ts";
import { History } from "./history.ts";
import { pictures } from "./intake.ts";
import type { KernelLink } from "./kernel_link.ts";
import { KeyframeSlot, WAIT } from "./keyframe_slot.ts";
import { Lines } from "./lines.ts";
import { Presence } from "./presence.ts";
import { ProblemPanel } from "./problem_panel.ts";
import { ProgressPanel } from "./progress_panel.ts";
import { PromptField } from "./prompt_field.ts";
import { type AspectRatio, type FromKernel, type Model, type Slot, TICK_MS, type ToKernel, TRAITS, type Traits } from "./protocol.ts";
import { Takes } from "./takes.ts";
import { Silence } from "./transfer.ts";

const SILENT = "The kernel is not answering. It may be busy; the run goes on.";
const GONE = "Disconnected. Run the cell again.";
const NOTHING: Pick<Traits, "_before" | "_offers"> = { _before: {}, _offers: {} };
const HALTED = new Set<string>(["stopped", "interrupted", "failed"]);

export class Studio {
  readonly #id = `iv-${randomId()}`;
  readonly #root: HTMLElement;
  readonly #live = element("div", { class: "iv-hidden", role: "status", "aria-live": "polite" });
  readonly #chip = new EngineChip();
  readonly #head = element("div", { class: "iv-head", tabindex: "-1" });
  readonly #start: KeyframeSlot;
  readonly #end: KeyframeSlot;
  readonly #prompt: PromptField;
  readonly #ratio: Choices<AspectRatio>;
  readonly #count: Choices<number>;
  readonly #cost = element("span", { class: "iv-cost" });
  readonly #generate: HTMLButtonElement;
  readonly #progress: ProgressPanel;
  readonly #problem: ProblemPanel;
  readonly #halted = element("div", { class: "iv-panel iv-quiet", dir: "auto", hidden: "" });
  readonly #notice = element("div", { class: "iv-panel iv-quiet", dir: "auto", hidden: "" });
  readonly #framingNotes = element("div", { class: "iv-panel iv-quiet iv-notes", hidden: "" });
  readonly #line = element("div", { class: "iv-panel iv-quiet", hidden: "" });
  readonly #preview: HTMLButtonElement;
  readonly #draft: Takes;
  readonly #takes: Takes;
  readonly #offers: Lines;
  readonly #before: Lines;
  readonly #history: History;
  readonly #silence = new Silence();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #presence: Presence;
  readonly #swap: HTMLButtonElement;
  readonly #loop: HTMLButtonElement;
  #stage = "";
  #drafted: string | undefined;
  #scheduled = false;
  #closed = false;

  constructor(
    private readonly model: Model,
    host: HTMLElement,
    private readonly link: KernelLink,
  ) {
    this.#presence = new Presence(model, host, link, this.#id, this.#schedule);
    const announce = (words: string): void => setText(this.#live, words);
    const slot = (name: Slot, other: () => KeyframeSlot): KeyframeSlot =>
      new KeyframeSlot(
        this.#id,
        name,
        link,
        announce,
        this.#schedule,
        this.#refused,
        (data) => void this.#place(data, name),
        (framing) => other().frameAs(framing),
      );
    this.#start = slot("start", () => this.#end);
    this.#end = slot("end", () => this.#start);
    this.#prompt = new PromptField(this.#id, model, link, announce, this.#schedule);
    this.#ratio = new Choices("Aspect ratio", `${this.#id}-ratio`, ["16:9", "9:16"], (value) =>
      this.#set("aspect_ratio", value),
    );
    this.#count = new Choices("Number of videos", `${this.#id}-count`, [1, 2, 3, 4], (value) =>
      this.#set("number_of_videos", value),
    );
    this.#generate = button("Generate", { class: "iv-generate" }, () => this.#ask());
    this.#preview = button("Preview", { class: "iv-preview", title: "Free, drawn here" }, () => this.#sketch());
    const loops = { class: "iv-swap", "aria-label": "End as start", title: "End as start, for a loop" };
    // Of what is on its way nobody can say which frame it will be after that.
    const still = (message: ToKernel) => (): void => {
      const uploading = this.#uploading;
      if (uploading) uploading.message.say(WAIT);
      else this.#settled(message);
    };
    this.#loop = button("⟳", loops, still({ type: "loop" }));
    this.#swap = button("⇄", { class: "iv-swap", "aria-label": "Swap frames" }, still({ type: "swap" }));
    const stop = (): void => this.#send({ type: "stop" });
    // A control that goes hands its focus to the head, never to the button that pays.
    const head = this.#head;
    const again = (): void => this.#send({ type: "send_again", run: this.model.get("_run").run });
    this.#progress = new ProgressPanel(() => link.sinceRun, stop, again, announce, head);
    this.#problem = new ProblemPanel(this.#id, again, head);
    const send = (message: ToKernel): void => this.#send(message);
    this.#offers = new Lines("Left behind", send, head);
    this.#before = new Lines("Made before", send, head);
    this.#draft = new Takes(link, head);
    this.#takes = new Takes(link, head, ({ key }) => this.#settled({ type: "extend", key }));
    this.#history = new History(link, this.#refused);
    this.#root = this.#assemble();
    this.#listen();
    this.#update();
    host.append(this.#root);
    this.#timer = setInterval(this.#tick, TICK_MS);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const trait of TRAITS) this.model.off(`change:${trait}`, this.#schedule);
    this.model.off("msg:custom", this.#hear);
    this.#prompt.close();
    this.#start.close();
    this.#end.close();
    this.#draft.close();
    this.#takes.close();
    this.#history.close();
    this.#presence.close();
    this.#root.remove();
  }

  #assemble(): HTMLElement {
    this.#head.append(element("strong", {}, "Frames → Video"), this.#chip.root);
    const between = element("div", { class: "iv-between" }, this.#swap, this.#loop);
    const frames = element("div", { class: "iv-frames" }, this.#start.root, between, this.#end.root);
    const videos = element("div", { class: "iv-videos" }, element("span", {}, "Videos"), this.#cost);
    const go = element("div", { class: "iv-videos" }, this.#generate, this.#preview);
    const settings = element("div", { class: "iv-settings" }, this.#ratio.root, videos, this.#count.root, go);
    const composer = element("div", { class: "iv-composer" }, frames, this.#prompt.root, settings);
    const card = element("div", { class: "iv-card" }, this.#live, this.#head, composer, this.#framingNotes, this.#line);
    card.append(this.#before.root, this.#progress.root, this.#problem.root, this.#halted, this.#notice, this.#offers.root, this.#draft.root, this.#takes.root, this.#history.root);
    // JupyterLab looks for this attribute before it takes a key for a shortcut.
    const suppress = { "data-lm-suppress-shortcuts": "true" };
    return element("div", { class: "ipyveo", role: "region", "aria-label": "Frames to video", ...suppress }, card);
  }

  #listen(): void {
    for (const trait of TRAITS) this.model.on(`change:${trait}`, this.#schedule);
    this.model.on("msg:custom", this.#hear);
    this.#root.addEventListener("keydown", (event) => this.#key(event));
    this.#root.addEventListener("paste", (event) => this.#paste(event));
    // A picture dropped beside the zones must not replace the notebook in its tab.
    for (const name of ["dragover", "drop"]) this.#root.addEventListener(name, (event) => event.preventDefault());
  }

  /** Many traits change together; one update serves them all. */
  #schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#update();
    });
  };

  #read(): Traits {
    return Object.fromEntries(TRAITS.map((trait) => [trait, this.model.get(trait)])) as unknown as Traits;
  }

  #update(): void {
    const traits = this.#read();
    const { gone } = this.#presence;
    this.#root.dataset["ratio"] = traits.aspect_ratio;
    this.#chip.update(traits._engine);
    this.#start.update(traits, gone);
    this.#end.update(traits, gone);
    this.#prompt.update(traits);
    this.#ratio.update(traits.aspect_ratio);
    this.#count.update(traits.number_of_videos);
    for (const choices of [this.#ratio, this.#count]) choices.disable(gone, this.#head);
    setAttribute(this.#swap, "aria-disabled", gone ? "true" : null);
    setAttribute(this.#loop, "aria-disabled", gone || !traits._frames.start ? "true" : null);
    const { sandbox, costs } = traits._engine;
    const again = traits._before.lines && !sandbox ? "again " : "";
    setText(this.#cost, again + costs[traits.number_of_videos - 1]);
    setAttribute(this.#generate, "aria-disabled", this.#ready(traits) ? null : "true");
    this.#progress.update(traits, gone);
    this.#problem.update(traits);
    this.#quiet(this.#halted, HALTED.has(traits.status) && !traits.error ? traits.stage : "");
    this.#quiet(this.#notice, traits._notice);
    const { _draft: draft } = traits;
    this.#takes.update(traits._run, traits._clips);
    this.#draft.update(draft, draft.clips);
    setText(this.#preview, gone || draft.share === null ? "Preview" : `Stop preview · ${percent(draft.share)}`);
    setAttribute(this.#preview, "aria-disabled", gone ? "true" : null);
    // One run a widget at a time: while it goes nothing is offered.
    const { _before: before, _offers: left } = traits._run.running || gone ? NOTHING : traits;
    const drafted = draft.clips[0]?.key;
    const fresh = [drafted !== this.#drafted && draft.heading?.join(""), this.#before.update(before.lines), this.#offers.update(left.lines, left.more)];
    this.#connection();
    const notes = [traits._frames.start, traits._frames.end].flatMap((frame) => frame?.notes ?? []);
    this.#quiet(this.#framingNotes, notes.join("\n"));
    this.link.assets.retain(keysOf(traits));
    this.#drafted = drafted;
    if (traits.stage !== this.#stage) fresh.unshift(traits.stage);
    this.#stage = traits.stage;
    // One write says it all: of several in a row only the last would be spoken.
    if (fresh.some(Boolean)) setText(this.#live, fresh.filter(Boolean).join(" "));
  }

  #ready(traits: Traits): boolean {
    return traits._frames.start !== null && this.#prompt.text.trim() !== "" && this.#free(traits) && !this.#uploading;
  }

  #free(traits: Traits): boolean {
    return !traits._run.running && !this.link.asked && !this.#presence.gone;
  }

  get #uploading(): KeyframeSlot | undefined {
    return [this.#start, this.#end].find((slot) => slot.uploading);
  }

  /** Sends what a press of a button asks for. */
  #send(message: ToKernel): void {
    if (!this.#refused()) this.link.send(message);
  }

  /** Sends what moves pictures about, after what is still being changed of them. */
  #settled(message: ToKernel): void {
    for (const slot of [this.#start, this.#end]) slot.flush();
    this.#send(message);
  }

  /** True where the line is gone; then the notice is said once more, since somebody tried to do something. */
  #refused = (): boolean => {
    if (!this.#presence.gone) return false;
    this.#live.textContent = this.#line.textContent;
    this.#line.scrollIntoView({ block: "nearest" });
    return true;
  };

  #ask(): void {
    if (this.#refused()) return;
    const traits = this.#read();
    if (!this.#free(traits)) return;
    if (this.#lacks(true)) return;
    for (const each of [this.#start, this.#end, this.#prompt]) each.flush();
    const { aspect_ratio, number_of_videos } = traits;
    this.link.generate({ type: "generate", prompt: this.#prompt.text, aspect_ratio, number_of_videos });
    this.#schedule();
  }

  /** Says what is missing, beside the first field of it. */
  #lacks(words: boolean): boolean {
    const uploading = this.#uploading;
    const lacking: [field: KeyframeSlot | PromptField, sentence: string][] = [];
    if (uploading) lacking.push([uploading, WAIT]);
    else if (!this.model.get("_frames").start) lacking.push([this.#start, "Choose a start frame first."]);
    if (words && !this.#prompt.text.trim()) lacking.push([this.#prompt, "Describe what should happen."]);
    for (const [field, sentence] of lacking) field.message.say(sentence);
    setText(this.#live, lacking.map(([, sentence]) => sentence).join(" ") || this.#stage);
    lacking[0]?.[0].input.focus();
    return lacking.length > 0;
  }

  /** Asks for a draft, for which a start frame is enough; or stops the one that is being drawn. */
  #sketch(): void {
    if (this.#refused()) return;
    const { _draft: draft, aspect_ratio } = this.#read();
    if (draft.share === null && this.#lacks(false)) return;
    this.#settled({ type: "preview", prompt: this.#prompt.text, aspect_ratio });
  }

  #set<Name extends "aspect_ratio" | "number_of_videos">(name: Name, value: Traits[Name]): void {
    this.model.set(name, value);
    this.model.save_changes();
  }

  #hear = (message: FromKernel): void => {
    if (message.type !== "beat") return;
    this.#silence.heard();
    this.#connection(false);
  };

  #tick = (): void => {
    const silent = this.#silence.tick(!document.hidden);
    if (silent && this.#line.hidden) this.#presence.greet();
    this.#connection(silent);
    this.#progress.tick();
    setAttribute(this.#generate, "aria-disabled", this.#ready(this.#read()) ? null : "true");
  };

  #connection(silent = this.#line.textContent === SILENT): void {
    const { running, lost } = this.model.get("_run");
    this.#quiet(this.#line, this.#presence.gone ? (running ? lost : GONE) : silent ? SILENT : "");
  }

  #quiet(panel: HTMLElement, words: string): void {
    if (words && panel.textContent !== words) setText(this.#live, words);
    setText(panel, words);
    show(panel, words !== "");
  }

  #key(event: KeyboardEvent): void {
    const command = event.ctrlKey || event.metaKey;
    if (event.key === "Enter" && command && !event.isComposing) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) this.#ask();
    } else if (written(event) || !(command || event.altKey)) {
      // VS Code and Colab listen higher up for single keys; combined ones like Ctrl + S stay theirs where nobody writes.
      event.stopPropagation();
    }
  }

  #paste(event: ClipboardEvent): void {
    const data = event.clipboardData;
    // Office programs put a picture of the text beside the text: where people write the text is meant.
    if (!data || (written(event) && data.types.includes("text/plain"))) return;
    event.preventDefault();
    event.stopPropagation();
    const { start, end } = this.model.get("_frames");
    const focused = this.#end.root.contains(event.target as Node) ? "end" : "start";
    const inSlot = [this.#start, this.#end].some((slot) => slot.root.contains(event.target as Node));
    void this.#place(data, inSlot ? focused : start && !end ? "end" : "start");
  }

  /** Takes the pictures of a drop or a paste: the first for this slot, a second one for the other. */
  async #place(data: DataTransfer, name: Slot): Promise<void> {
    const slots = name === "start" ? [this.#start, this.#end] : [this.#end, this.#start];
    const found = await pictures(data);
    if (this.#closed) return;
    if (found.length === 0) slots[0]?.complain("That was no picture. Give a picture file, or the address of one.");
    // Two pictures at once are a start and an end, wherever they were let go.
    const targets = found.length > 1 ? [this.#start, this.#end] : slots;
    for (const [index, picture] of found.slice(0, 2).entries()) targets[index]?.take(picture);
  }
}

/** Tells whether an event is of a field that people write in. */
function written({ target }: Event): boolean {
  return (target as Element).matches("textarea,[type=search]");
}

function keysOf({ _frames, _clips, _draft }: Traits): Set<string> {
  const frames = [_frames.start, _frames.end].filter((frame) => frame !== null);
  return new Set([...frames.map(({ drawn }) => drawn), ...[...frames, ..._clips, ..._draft.clips].map(({ key }) => key)]);
}
