// What the browser keeps: files and masks in IndexedDB, small things in localStorage. Where neither may be used, as in
// some private windows, everything lives in memory.

const NAME = "impasto";
const PREFIX = "impasto:";

/**
 * @typedef {object} KeptFile
 * @property {string} name
 * @property {Blob} data
 */

const PATIENCE = 500; // milliseconds that the tab before may take to go

export class Store {
  constructor() {
    /** @type {Map<string, any>} */
    this.memory = new Map();
    /** Whether another tab keeps this visit: what is small then lives in memory here, so that neither undoes the other's. */
    this.second = false;
    this.ready = this.#first().then((first) => {
      this.second = !first;
    });
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

  /** Whether this is the only tab, for as long as it lives. @returns {Promise<boolean>} */
  #first() {
    return new Promise((done) => {
      if (!navigator.locks) return done(true);
      const held = () => {
        done(true);
        return new Promise(() => {});
      };
      navigator.locks.request(NAME, { signal: AbortSignal.timeout(PATIENCE) }, held).catch(() => done(false));
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
        const transaction = base.transaction("files", mode);
        const request = act(transaction.objectStore("files"));
        transaction.oncomplete = () => done(request.result);
        transaction.onabort = transaction.onerror = () => done(undefined); // the disk is full, say: the visit goes on
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
    if (this.second) return;
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
    if (this.memory.has(PREFIX + name)) return this.memory.get(PREFIX + name);
    try {
      const text = localStorage.getItem(PREFIX + name);
      return text === null ? instead : JSON.parse(text);
    } catch {
      return instead;
    }
  }

  /** @param {string} name @param {unknown} value */
  set(name, value) {
    try {
      if (this.second) throw new Error();
      localStorage.setItem(PREFIX + name, JSON.stringify(value));
      this.memory.delete(PREFIX + name);
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
