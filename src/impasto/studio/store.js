// What the browser keeps: files and masks in IndexedDB, small things in localStorage. Where neither may be used, as in
// some private windows, everything lives in memory.

const NAME = "impasto";
const PREFIX = "impasto:";

/**
 * @typedef {object} KeptFile
 * @property {string} name
 * @property {Blob} data
 */

export class Store {
  constructor() {
    /** @type {Map<string, any>} */
    this.memory = new Map();
    /** @type {Promise<IDBDatabase | null>} */
    this.base = new Promise((done) => {
      try {
        const request = indexedDB.open(NAME, 1);
        request.onupgradeneeded = () => request.result.createObjectStore("files");
        request.onsuccess = () => done(request.result);
        request.onerror = request.onblocked = () => done(null);
      } catch {
        done(null);
      }
    });
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(files: IDBObjectStore) => IDBRequest<T>} act
   * @returns {Promise<T | undefined>}
   */
  async #with(mode, act) {
    const base = await this.base;
    if (!base) return undefined;
    return new Promise((done) => {
      try {
        const request = act(base.transaction("files", mode).objectStore("files"));
        request.onsuccess = () => done(request.result);
        request.onerror = () => done(undefined); // the disk is full, say: the visit goes on
      } catch {
        done(undefined);
      }
    });
  }

  /**
   * @param {string} key
   * @param {KeptFile} file
   */
  async keep(key, file) {
    this.memory.set(key, file);
    if ((await this.#with("readwrite", (files) => files.put(file, key))) !== undefined) this.memory.delete(key);
  }

  /** @param {string} key @returns {Promise<KeptFile | null>} */
  async file(key) {
    return this.memory.get(key) ?? (await this.#with("readonly", (files) => files.get(key))) ?? null;
  }

  /** @param {string} key */
  async drop(key) {
    this.memory.delete(key);
    await this.#with("readwrite", (files) => files.delete(key));
  }

  /**
   * Forget all files but these.
   * @param {Set<string>} wanted
   */
  async sweep(wanted) {
    const keys = (await this.#with("readonly", (files) => files.getAllKeys())) ?? [];
    for (const key of keys) if (!wanted.has(String(key))) await this.drop(String(key));
  }

  /**
   * A small thing.
   * @template T
   * @param {string} name
   * @param {T} instead
   * @returns {T}
   */
  get(name, instead) {
    try {
      const text = localStorage.getItem(PREFIX + name);
      return text === null ? instead : JSON.parse(text);
    } catch {
      return this.memory.get(PREFIX + name) ?? instead;
    }
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      this.memory.set(PREFIX + name, value);
    }
  }

  /** Forget everything. */
  async clear() {
    this.memory.clear();
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
    } catch {
      // nothing was kept there
    }
    await this.#with("readwrite", (files) => files.clear());
  }
}
