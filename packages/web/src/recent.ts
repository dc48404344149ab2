// What was used last, within a limit.

export class Recent<K, V> {
  readonly #entries = new Map<K, V>(); // those that were used last at the end
  #sum = 0;

  /**
   * @param limit of the sum of costs; what costs more by itself is not kept
   * @param cost of a value
   */
  constructor(
    readonly limit: number,
    readonly cost: (value: V) => number = () => 1,
  ) {}

  get(key: K): V | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  set(key: K, value: V): void {
    this.delete(key);
    if (this.cost(value) > this.limit) return;
    this.#entries.set(key, value);
    this.#sum += this.cost(value);
    for (const oldest of this.#entries.keys()) {
      if (this.#sum <= this.limit) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const found = this.#entries.get(key);
    if (found === undefined) return;
    this.#entries.delete(key);
    this.#sum -= this.cost(found);
  }

  clear(): void {
    this.#entries.clear();
    this.#sum = 0;
  }
}
