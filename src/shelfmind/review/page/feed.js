// A virtual list: only the cards near the viewport exist, so that 20,000 suspects scroll as smoothly as 20.

const SPARE = 3;  // cards kept beyond each edge of the viewport
export const MAX_LISTED = 30000;  // browsers limit the page height to about 17 million pixels

export class Feed {
  constructor(element, build) {
    this.element = element;
    this.build = build;      // (number, position, total) => an <article>
    this.order = [];
    this.built = new Map();  // suspect -> element
    this.current = 0;
    this.frame = 0;
    this.height = 0;
    const later = () => { this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); }); };
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", () => { this.place(); later(); });
    element.addEventListener("focusin", (event) => {
      const card = event.target.closest("article");
      if (card) this.mark(this.order.indexOf(Number(card.dataset.number)));
    });
  }

  get number() {
    return this.order[this.current];
  }

  // Show the cards of these suspects in this order. The current card stays current if it is among them.
  show(order, position = null) {
    const before = this.number;
    const offset = this.current * this.height - scrollY;
    this.order = order.slice(0, MAX_LISTED);
    const again = this.order.indexOf(before);
    this.current = Math.max(0, Math.min(position ?? (again < 0 ? this.current : again), this.order.length - 1));
    for (const element of this.built.values()) element.remove();
    this.built.clear();
    this.place();
    // Keep the current card's position on the screen when cards above it are added or removed.
    scrollTo({ top: position === null ? this.current * this.height - offset : 0, behavior: "instant" });
    this.draw();
  }

  place() {
    this.height = parseFloat(getComputedStyle(this.element).getPropertyValue("--card")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.element.style.height = `${this.order.length * this.height}px`;
    for (const [number, element] of this.built) element.style.top = `${this.order.indexOf(number) * this.height}px`;
  }

  draw() {
    const top = scrollY - this.element.offsetTop;
    const first = Math.max(0, Math.floor(top / this.height) - SPARE);
    const last = Math.min(this.order.length - 1, Math.ceil((top + innerHeight) / this.height) + SPARE);
    const wanted = new Set(this.order.slice(first, last + 1));
    if (this.order.length) wanted.add(this.number);
    for (const [number, element] of this.built) {
      if (!wanted.has(number)) { element.remove(); this.built.delete(number); }
    }
    let before = null;
    for (const number of wanted) {
      if (!this.built.has(number)) this.add(number);
    }
    // Keep the document order equal to the visual order, for the Tab key and screen readers.
    const sorted = [...this.built.entries()].sort((one, other) => this.order.indexOf(one[0]) - this.order.indexOf(other[0]));
    for (const [, element] of sorted) {
      const expected = before ? before.nextSibling : this.element.firstChild;
      if (expected !== element) this.element.insertBefore(element, expected);
      before = element;
    }
    this.mark(this.current);
  }

  add(number) {
    const position = this.order.indexOf(number);
    const element = this.build(number, position, this.order.length);
    element.style.top = `${position * this.height}px`;
    element.tabIndex = -1;
    this.built.set(number, element);
  }

  // Rebuild a card and keep the focus in it.
  renew(number) {
    const old = this.built.get(number);
    if (!old) return;
    const focused = old.contains(document.activeElement);
    this.add(number);
    old.replaceWith(this.built.get(number));
    this.mark(this.current);
    if (focused) this.built.get(number).focus({ preventScroll: true });
  }

  renewAll() {
    for (const number of [...this.built.keys()]) this.renew(number);
  }

  mark(position) {
    this.current = Math.max(0, position);
    for (const [number, element] of this.built) {
      const isCurrent = number === this.number;
      element.classList.toggle("current", isCurrent);
      element.tabIndex = isCurrent ? 0 : -1;
    }
  }

  // Focus a card and scroll it to the top of the list.
  go(position) {
    if (!this.order.length) return;
    this.current = Math.max(0, Math.min(position, this.order.length - 1));
    const bar = document.getElementById("bar").offsetHeight;
    scrollTo({ top: this.element.offsetTop + this.current * this.height - bar - 12, behavior: "instant" });
    this.draw();
    this.built.get(this.number).focus({ preventScroll: true });
  }
}
