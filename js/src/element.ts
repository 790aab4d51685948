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

/** A button that is on or off, and says so before `changed` is called. */
export function toggle(label: string, changed: (on: boolean) => void): HTMLButtonElement {
  const made = button(label, { class: "iv-link iv-toggle", "aria-pressed": "false" }, () => {
    const on = made.ariaPressed !== "true";
    setAttribute(made, "aria-pressed", String(on));
    changed(on);
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
