// The engine behind HTTP: the service's /v1.

import { Fault } from "./engine.js";
import { fieldsOf } from "./fields.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Photo} Photo */
/** @typedef {import("./engine.js").Style} Style */
/** @typedef {import("./engine.js").Job} Job */

/**
 * @param {string} base the service's address; "" for the page's own
 * @param {string} visitor a secret of this browser's, by which it owns the styles that it saves
 * @param {(note: string) => void} onNote called with what the visitor should know of a picture
 * @returns {Engine}
 */
export function server(base, visitor, onNote) {
  const owner = { "Impasto-Visitor": visitor };

  /**
   * @param {string} path
   * @param {RequestInit} [options]
   */
  async function ask(path, options = {}) {
    /** @type {Response} */
    let response;
    try {
      response = await fetch(base + path, options);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw noAnswer();
    }
    if (response.ok) return response;
    const told = await response.json().catch(() => ({}));
    throw new Fault(
      told.detail ?? told.title ?? `the server answered ${response.status}`,
      told.hint ?? "",
      told.code ?? "",
      response.status,
    );
  }

  const json = async (/** @type {string} */ path, /** @type {RequestInit} */ options = {}) =>
    (await ask(path, options)).json();

  /**
   * A picture's file; asked for again if the program was busy.
   * @param {string} path
   * @param {AbortSignal} [signal]
   */
  async function file(path, signal) {
    for (let tries = 0; ; tries++) {
      try {
        const answer = await ask(path, { signal });
        for (const note of JSON.parse(answer.headers.get("Impasto-Notes") ?? "[]")) onNote(note);
        return await answer.blob();
      } catch (error) {
        if (!(error instanceof Fault) || ![429, 503].includes(error.status) || tries === 5) throw error;
        await new Promise((done) => setTimeout(done, 300 * 2 ** tries));
        signal?.throwIfAborted();
      }
    }
  }

  /** @param {string} path @param {AbortSignal} [signal] */
  const picture = async (path, signal) => createImageBitmap(await file(path, signal));

  /**
   * @param {import("./engine.js").View} view
   * @returns {[string, string][]}
   */
  function viewed(view) {
    /** @type {[string, string][]} */
    const fields = [["side", String(view.side)]];
    if (view.at !== undefined) fields.push(["at", view.at.toFixed(3)]);
    if (view.crop) fields.push(["crop", view.crop.join(",")]);
    return fields;
  }

  const query = (/** @type {[string, string][]} */ fields) => new URLSearchParams(fields).toString();
  const place = (/** @type {{id: string}} */ photo) => `/v1/uploads/${photo.id}`;

  /**
   * @param {Photo} photo
   * @param {import("./engine.js").Request} request
   * @param {import("./engine.js").View} view
   */
  const painted = (photo, request, view) =>
    `${place(photo)}/painted?${query([...viewed(view), ...fieldsOf(request)])}`;

  /** @param {[string, string | Blob][]} fields */
  function form(fields) {
    const found = new FormData();
    for (const [name, value] of fields) found.append(name, value);
    return found;
  }

  return {
    limits: () => json("/v1/limits"),
    styles: async () => (await json("/v1/styles", { headers: owner })).styles,
    open: (file, name, onSent) => send(`${base}/v1/uploads?name=${encodeURIComponent(name)}`, file, onSent),
    held: (id) => orNull(json(`/v1/uploads/${id}`)),
    close: (photo) => void ask(place(photo), { method: "DELETE" }).catch(() => {}),
    photo: (photo, view) => picture(`${place(photo)}/photo?${query(viewed(view))}`, view.signal),
    painted: (photo, request, view) => picture(painted(photo, request, view), view.signal),
    file: (photo, request, view) => file(painted(photo, request, view), view.signal),
    mask: (photo, of, view) => picture(`${place(photo)}/mask?${query([...viewed(view), ["of", of]])}`, view.signal),
    thumbnail: (style) => base + style.thumbnail,
    begin: (fields) => json("/v1/jobs", { method: "POST", body: form(fields) }),
    learn: (fields) => json("/v1/styles", { method: "POST", body: form(fields), headers: owner }),
    follow(id, onChange) {
      const events = new EventSource(`${base}/v1/jobs/${id}/events`, { withCredentials: base === "" });
      const told = (/** @type {MessageEvent} */ event) => onChange(JSON.parse(event.data));
      events.addEventListener("progress", told);
      for (const end of ["done", "failed", "canceled"])
        events.addEventListener(end, (event) => {
          events.close();
          told(/** @type {MessageEvent} */ (event));
        });
      events.onerror = () => {
        if (events.readyState === EventSource.CLOSED) onChange(null);
      };
      return () => events.close();
    },
    job: (id) => orNull(json(`/v1/jobs/${id}`)),
    finish: async (id) => void (await ask(`/v1/jobs/${id}/stop`, { method: "POST" })),
    stop: async (id) => void (await ask(`/v1/jobs/${id}`, { method: "DELETE" }).catch(() => {})),
    async result(job, what = "result") {
      const response = await ask(job.links[what] ?? `/v1/jobs/${job.id}/${what}`);
      return response.blob().catch(() => Promise.reject(noAnswer()));
    },
    preview: (job) => base + job.links.preview,
    rename: (name, change) =>
      json(`/v1/styles/${name}`, {
        method: "PATCH",
        body: JSON.stringify(change),
        headers: { ...owner, "Content-Type": "application/json" },
      }),
    forget: async (name) => void (await ask(`/v1/styles/${name}`, { method: "DELETE", headers: owner })),
    presets: async () =>
      Object.fromEntries((await json("/v1/presets")).presets.map((/** @type {any} */ one) => [one.name, one])),
    savePreset: async (name, preset, isNew) => {
      const body = JSON.stringify(preset);
      const headers = new Headers({ "Content-Type": "application/json" });
      if (isNew) headers.set("If-None-Match", "*");
      await ask(`/v1/presets/${name}`, { method: "PUT", body, headers });
    },
    removePreset: async (name) => void (await ask(`/v1/presets/${name}`, { method: "DELETE" })),
    edit: {
      picture: async () => (await ask("/v1/edit/picture")).blob(),
      paint: async (fields) => void (await ask("/v1/edit", { method: "POST", body: form(fields) })),
      leave: async () => void (await ask("/v1/edit", { method: "DELETE" })),
      here: () => void navigator.sendBeacon(`${base}/v1/edit/here`),
      left: () => void navigator.sendBeacon(`${base}/v1/edit/left`),
    },
  };
}

function noAnswer() {
  return new Fault("the server does not answer", "check that Impasto still runs, then try again", "no-answer");
}

/**
 * @template T
 * @param {Promise<T>} answer
 * @returns {Promise<T | null>} null if there is no such thing
 */
async function orNull(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Fault && error.status === 404) return null;
    throw error;
  }
}

/**
 * Send a file; unlike `fetch` this tells how much has been sent.
 * @param {string} address
 * @param {Blob} file
 * @param {(share: number) => void} [onSent]
 * @returns {Promise<Photo>}
 */
function send(address, file, onSent) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => onSent?.(event.loaded / Math.max(1, event.total));
    request.onerror = () =>
      failed(new Fault("the file could not be sent", "check that Impasto still runs", "no-answer"));
    request.onload = () => {
      const told = request.response ?? {};
      if (request.status < 300) done(told);
      else
        failed(
          new Fault(told.detail ?? `the server answered ${request.status}`, told.hint ?? "", told.code, request.status),
        );
    };
    request.send(file);
  });
}
