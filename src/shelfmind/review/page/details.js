// The details of cards, fetched in batches while their cards are shown. One request is on its way at a time.

const MAX_CARDS = 100;  // as in deck.py
const AGAIN_AFTER_MS = 2000;

export class Details {
  constructor(fetch, feed, tell) {
    this.fetch = fetch;  // numbers => a promise of their cards
    this.feed = feed;
    this.tell = tell;    // called with the error of each request, null if it succeeded
    this.cards = new Map();
    this.stale = new Set();
    this.wanted = new Set();
    this.coming = new Set();
    this.running = false;
  }

  get(number) {
    return this.cards.get(number) ?? null;
  }

  // Fetch the details of a card that is being built, unless they are here or on their way; then build it again.
  want(number) {
    if ((this.cards.has(number) && !this.stale.has(number)) || this.coming.has(number)) return;
    this.stale.delete(number);
    this.wanted.add(number);
    if (this.running) return;
    this.running = true;
    queueMicrotask(() => this.run());
  }

  // Fetch all details again when their cards are built.
  outdate() {
    for (const number of this.cards.keys()) this.stale.add(number);
  }

  async run() {
    for (let numbers = this.take(); numbers.length; numbers = this.take()) {
      try {
        for (const card of await this.fetch(numbers)) this.cards.set(card.number, card);
        this.tell(null);
      } catch (error) {
        this.tell(error);
        numbers.forEach((number) => this.wanted.add(number));
        await new Promise((resolve) => { setTimeout(resolve, AGAIN_AFTER_MS); });
      }
      this.coming.clear();
      numbers.forEach((number) => this.feed.renew(number));
    }
    this.running = false;
  }

  // The next numbers to fetch. Those whose card is no longer shown are left until it is built again.
  take() {
    const shown = [...this.wanted].filter((number) => this.feed.built.has(number));
    this.wanted = new Set(shown.slice(MAX_CARDS));
    this.coming = new Set(shown.slice(0, MAX_CARDS));
    return [...this.coming];
  }
}
