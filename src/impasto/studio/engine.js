// What the studio wants of whatever paints: the service (`server.js`), or a network in the browser.

/**
 * @typedef {object} Photo  A photo or a clip that the engine holds.
 * @property {string} id
 * @property {string} name
 * @property {"photo" | "clip"} kind
 * @property {number} width
 * @property {number} height
 * @property {number} frames
 * @property {boolean} alpha
 * @property {number} bits
 * @property {number} [seconds] of a clip
 * @property {number} [fps]
 * @property {boolean} [sound]
 * @property {Record<string, any> | null} settings that made it, if it is a picture that was saved here
 * @property {string[]} notes
 *
 * @typedef {object} Style
 * @property {string} name
 * @property {string} title
 * @property {string} artist
 * @property {string} year
 * @property {string} kind
 * @property {boolean} builtin
 * @property {boolean} mine whether this visitor may change it
 * @property {string} license
 * @property {string} thumbnail an address
 *
 * @typedef {object} Control
 * @property {string} name
 * @property {string} label
 * @property {string} help
 * @property {any} default
 * @property {number} [low]
 * @property {number} [high]
 * @property {string[]} [choices]
 *
 * @typedef {object} Limits
 * @property {number} max_upload bytes
 * @property {number} max_pixels
 * @property {number} folder_photos
 * @property {number} clip_seconds
 * @property {boolean} learn
 * @property {number} learn_seconds
 * @property {boolean} optimize whether the best quality can be had
 * @property {string[]} formats
 * @property {boolean} [presets] whether presets that are saved here are the command line's, too
 * @property {{name: string, count: number} | null} [edit] files that wait to be painted in their place
 * @property {string} version
 * @property {Control[]} controls
 * @property {readonly string[]} [hands] engines among which there is a choice, the quickest first
 * @property {boolean} [local] whether pictures stay in this browser
 * @property {readonly ("find" | "poster" | "depth")[]} [without] what it does not do: finding people, enlarging a photo
 *   before it is painted, sixteen bits
 *
 * @typedef {object} Region
 * @property {string} mask "person", "background", "faces", or the id of an upload
 * @property {string} style
 * @property {number | null} strength
 * @property {number | null} brush_size
 *
 * @typedef {object} Request  One painting. Styles are names, or "upload:ID".
 * @property {string} [engine] of `Limits.hands`; the quickest if not given
 * @property {readonly (readonly [string, number])[]} styles
 * @property {Partial<import("./look.js").Controls> & {size?: number | null}} controls
 * @property {readonly Region[]} regions
 *
 * @typedef {object} View
 * @property {number} side of the longer side, in pixels, at most
 * @property {number} [at] seconds in a clip
 * @property {readonly [number, number, number, number]} [crop] x, y, width, height in pixels of the final picture
 * @property {AbortSignal} [signal]
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {string} kind
 * @property {"waiting" | "running" | "done" | "failed" | "canceled"} state
 * @property {number} fraction
 * @property {number} [place] in the queue; 1 is next
 * @property {boolean} [stopping] it is to end with what there is
 * @property {string | null} began
 * @property {{message: string, hint: string} | null} error
 * @property {string[]} notes
 * @property {Record<string, number>} losses
 * @property {Record<string, string>} links
 *
 * @typedef {object} Engine
 * @property {() => Promise<Limits>} limits
 * @property {() => Promise<Style[]>} styles
 * @property {(name: string, onShare: (share: number) => void) => Promise<void>} [prepare]  fetches what an engine needs
 * @property {(file: Blob, name: string, onSent?: (share: number) => void) => Promise<Photo>} open
 * @property {(id: string) => Promise<Photo | null>} held  what it still holds under an id
 * @property {(photo: {id: string}) => void} close
 * @property {(photo: Photo, view: View) => Promise<ImageBitmap>} photo
 * @property {(photo: Photo, request: Request, view: View) => Promise<ImageBitmap>} painted
 * @property {(photo: Photo, request: Request, view: View) => Promise<Blob>} file  the same as a picture's file
 * @property {(photo: Photo, of: string, view: View) => Promise<ImageBitmap>} mask
 * @property {(style: Style) => string} thumbnail  an address
 * @property {(fields: [string, string | Blob][]) => Promise<Job>} begin  long work, by the service's fields
 * @property {(fields: [string, string | Blob][]) => Promise<Job>} learn  a painting that becomes a style
 * @property {(id: string, onChange: (job: Job | null) => void) => () => void} follow  null if it cannot be followed;
 *   returns what ends it
 * @property {(id: string) => Promise<Job | null>} job  how it stands; null if there is none of this id
 * @property {(id: string) => Promise<void>} stop  ends a job, or removes one that has ended
 * @property {(id: string) => Promise<void>} finish  ends a job with what there is
 * @property {(job: Job, what?: "result" | "preview") => Promise<Blob>} result  what it has made, or how far that is
 * @property {(job: Job) => string} preview  its address
 * @property {(name: string, change: {name?: string, title?: string}) => Promise<Style>} rename
 * @property {(name: string) => Promise<void>} forget
 * @property {() => Promise<Record<string, unknown>>} [presets] that were saved by the command line, by their names
 * @property {(name: string, preset: unknown, isNew: boolean) => Promise<void>} [savePreset]  refuses a new one whose name is taken
 * @property {(name: string) => Promise<void>} [removePreset]
 * @property {Edit} [edit]
 *
 * @typedef {object} Edit  Of files that wait to be painted in their place.
 * @property {() => Promise<Blob>} picture the first one's, perhaps reduced
 * @property {(fields: [string, string][]) => Promise<void>} paint  paints them all
 * @property {() => Promise<void>} leave  leaves them as they are
 * @property {() => void} here  the page is still there
 * @property {() => void} left  the page is closed, or loaded again
 */

/** Something that the visitor can understand, and perhaps mend. */
export class Fault extends Error {
  /**
   * @param {string} message
   * @param {string} hint
   * @param {string} code
   * @param {number} status of HTTP; 0 if nothing answered
   */
  constructor(message, hint = "", code = "", status = 0) {
    super(message);
    this.hint = hint;
    this.code = code;
    this.status = status;
  }

  /** Message and hint; without a hint that names an option, which a page does not have. @returns {string} */
  get text() {
    return this.hint && !this.hint.startsWith("--") ? `${sentence(this.message)} ${sentence(this.hint)}` : sentence(this.message);
  }
}

/**
 * A message as a sentence. A file's name at its beginning stays as it is.
 * @param {string} text
 */
export function sentence(text) {
  const [word] = text.split(/[\s,;:]/, 1);
  const begun = /^\p{Ll}+$/u.test(word) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/**
 * @param {unknown} error
 * @returns {Fault | null} null for a request that was given up
 */
export function faultOf(error) {
  if (error instanceof Fault) return error;
  if (error instanceof DOMException && error.name === "AbortError") return null;
  return new Fault(error instanceof Error ? error.message : String(error), "", "unexpected");
}
