// Undo and redo: states before and after the present one.

const MOST = 100;

/** @template T */
export class Undo {
  /** @param {T} first */
  constructor(first) {
    this.now = first;
    /** @type {T[]} */
    this.past = [];
    /** @type {T[]} */
    this.future = [];
  }

  /**
   * Go on to a new state. What was undone before is gone.
   * @param {T} state
   */
  add(state) {
    this.past = [...this.past, this.now].slice(-MOST);
    this.future = [];
    this.now = state;
  }

  /** Go back by one. @returns {T | null} null if there is nothing to undo */
  undo() {
    const before = this.past.pop();
    if (before === undefined) return null;
    this.future.push(this.now);
    return (this.now = before);
  }

  /**
   * Forget states that cannot be gone back to any more.
   * @param {(state: T) => boolean} gone
   */
  drop(gone) {
    this.past = this.past.filter((state) => !gone(state));
    this.future = this.future.filter((state) => !gone(state));
  }

  /** Go forward again. @returns {T | null} */
  redo() {
    const after = this.future.pop();
    if (after === undefined) return null;
    this.past.push(this.now);
    return (this.now = after);
  }
}
