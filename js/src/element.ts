// Makes DOM elements, and changes them without losing the keyboard focus. Text enters as text nodes only.

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function button(label: string, attributes: Record<string, string>, pressed: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", pressed);
  return made;
}

/** A button that shows and hides what it folds, which is hidden at first; `opened` is called when it is shown. */
export function unfolding(label: string, part: HTMLElement, opened: () => void = () => {}): HTMLButtonElement {
  part.hidden = true;
  const made = button(label, { class: "iv-link", "aria-expanded": "false" }, () => {
    const open = made.ariaExpanded !== "true";
    setAttribute(made, "aria-expanded", String(open));
    show(part, open, made);
    if (open) opened();
  });
  return made;
}

/** Writes only what differs: a live region speaks at every write, and a selection would be lost. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string | null): void {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Shows or hides; a focus that would vanish goes to `fallback` (`:focus-within` also works in a shadow root). */
export function show(node: HTMLElement, shown: boolean, fallback?: HTMLElement): void {
  if (node.hidden === !shown) return;
  const hadFocus = !shown && node.matches(":focus-within");
  node.hidden = !shown;
  if (hadFocus) fallback?.focus({ preventScroll: true });
}

/** An id no other page makes; `randomUUID` is missing where a hub is served without https. */
export function randomId(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(36)).join("-");
}
