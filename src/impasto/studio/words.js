// All that the page says, in a painter's words; the field's terms are in the tooltips.

/** @typedef {import("./engine.js").Fault} Fault */
/** @typedef {import("./engine.js").Job} Job */

const percent = (/** @type {number} */ value) => `${Math.round(value)} %`;
const STROKES = /** @type {const} */ ([[0.45, "very fine"], [0.8, "fine"], [1.25, "as in the painting"], [2.2, "broad"], [9, "very broad"]]);

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  return `${Math.round(seconds / 60)} min`;
}

export const words = {
  // The bar.
  open: "Open",
  openPhotos: " photos…",
  camera: "Camera",
  undo: "Undo",
  redo: "Redo",
  export: "Export",
  dots: "…",
  forget: "Forget everything here",
  forgetSure: "Delete your photos, paintings and history from this browser?",
  help: "Keys and about",
  dimensions: (/** @type {string} */ name, /** @type {number} */ width, /** @type {number} */ height) => `${name} · ${width} × ${height}`,
  dropPhoto: "Drop a photo here",
  dropStyle: "Drop a painting here",

  // The picture.
  picture: "Picture",
  before: "Before",
  beforeHelp: "Hold to see the photo (B)",
  split: "Split",
  splitLine: "Split line",
  endCompare: "End comparison",
  splitHelp: "Photo and painting side by side, with a line to drag (\\)",
  zoomHelp: "Between the whole picture and its real pixels (0, 1)",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  viewTools: "View",
  paintedPhoto: (/** @type {string} */ name, /** @type {string} */ styles) => `${name}, painted in the style of ${styles}`,
  painting: "Painting…",
  painted: (/** @type {string} */ styles, /** @type {number} */ seconds) => `Painted as ${styles} in ${seconds.toFixed(1)} s`,

  // Styles.
  styles: "Styles",
  findStyle: "Find a painting",
  kinds: "Kinds of paintings",
  kindNames: { all: "All", favorites: "Favorites", mine: "Yours", paintings: "Paintings", modern: "Modern", prints: "Prints", drawings: "Drawings" },
  blend: "Blend",
  blendHelp: "While this is on, a click adds a style, up to four. Shift-click does so, too.",
  blendShares: "Shares of the blend",
  blendOf: (/** @type {number} */ count) => `A blend of ${count}`,
  noStyleFound: "No painting is called that.",
  ownPainting: "+ Your own painting",
  ownPaintingHelp: "Any painting, drawing or texture as a style. It is encoded at once; no training is needed.",
  yours: "Yours",
  thePhoto: "The photo",
  aPainting: "A painting",
  favorite: "Favorite",
  keepPainting: "Keep this painting",
  keepPaintingHelp: "Puts it into the gallery, for later visits and for the command line.",
  learn: (/** @type {number} */ seconds) => `Learn it (${duration(seconds)})`,
  learnHelp: "Trains the painter for this painting, with the perceptual losses; it is painted better then.",
  rename: "Rename",
  remove: "Remove",
  whichTitle: "What shall it be called?",
  learned: (/** @type {string} */ title) => `${title} is there.`,
  learning: (/** @type {string} */ title) => `Learning ${title}`,
  keeping: (/** @type {string} */ title) => `Keeping ${title}`,

  // Controls.
  adjust: "Adjust",
  controls: /** @type {any} */ ({
    strength: { label: "Strength", help: "From the photo to the painting.", show: percent },
    brush_size: {
      label: "Strokes",
      help: "How large the strokes are, as a share of the picture.",
      show: (/** @type {number} */ value) => `${STROKES.find(([most]) => value <= most)?.[1]} · ${value}`,
    },
    detail: { label: "Fine detail", help: "How much of the photo's fine detail comes back in a large picture.", show: percent },
    keep_color: {
      label: "Colors",
      choices: {
        none: { label: "Painting", help: "The painting's colors." },
        luminance: { label: "Photo", help: "The photo's colors (luminance transfer)." },
        histogram: { label: "Between", help: "The painting's colors, brought to the photo's (histogram matching)." },
        coral: { label: "Mood", help: "The painting's colors, in the photo's mood (covariance, CORAL)." },
      },
    },
    tone: {
      label: "Light",
      choices: {
        none: { label: "Painting", help: "Brightness and contrast of the painting." },
        match: { label: "Photo", help: "Brightness and contrast of the photo." },
      },
    },
  }),

  // Where.
  where: "Where",
  photoBack: "Brush the photo back",
  photoBackHelp: "Paint over what is to stay as it is in the photo.",
  paintIn: "Brush the effect in",
  paintInHelp: "Begin with the photo, and paint the effect where you want it.",
  otherStyle: "Another style here",
  otherStyleHelp: "Paint over what is to be in another style.",
  found: /** @type {Record<string, {label: string, keep: string, help: string}>} */ ({
    person: { label: "Person", keep: "Keep the person", help: "Finds the people in the photo (a small segmentation network), and leaves them as they are. They may be painted in another style, too." },
    background: { label: "Background", keep: "Keep the background", help: "Paints the people alone. The background may be painted in another style, too." },
    faces: { label: "Faces", keep: "Keep faces", help: "Paints faces less strongly." },
  }),
  part: (/** @type {number} */ number) => `Part ${number}`,
  parts: (/** @type {number} */ count) => (count === 1 ? "1 part" : `${count} parts`),
  asGround: "As everywhere",
  styleOf: (/** @type {string} */ part) => `What ${part} is painted in`,
  removePart: (/** @type {string} */ part) => `Remove ${part}`,
  draw: "Draw",
  drawHelp: "Add to this part with the brush",
  erase: "Erase",
  eraseHelp: "Take away from this part with the brush (X)",
  invert: "Invert",
  clear: "Clear",
  maskFile: "Mask…",
  maskFileHelp: "A picture as the mask: white is inside",
  brushWidth: "Brush",
  hardness: "Hard edge",
  hardnessHelp: "0 is a soft brush: its edge is a weaker effect.",
  brushKeys: "[ and ] change the brush. By keyboard: arrows move it, space paints.",
  manyLayers: (/** @type {number} */ most) => `Up to ${most} parts.`,
  maskGone: "the drawn part has been lost; draw it again",
  noMask: (/** @type {string} */ name) => `${name} is no picture that can be a mask.`,

  // Files.
  opening: (/** @type {string} */ name, /** @type {number} */ share, /** @type {number} */ index, /** @type {number} */ count) =>
    `Opening ${name}${count > 1 ? ` (${index + 1} of ${count})` : ""}${share < 1 ? ` ${Math.round(100 * share)} %` : "…"}`,
  tooLarge: (/** @type {string} */ name, /** @type {number} */ size, /** @type {number} */ most) =>
    `${name} has ${size.toFixed(0)} MB; this page takes ${most} MB. Make it smaller, or ask whoever runs the page.`,
  gone: (/** @type {string} */ name) => `${name} is not here any more`,
  openAgain: "open it again",
  noPreset: (/** @type {string} */ name) => `${name} holds no settings`,
  noPainting: (/** @type {string} */ name) => `${name} is a clip; a style is a picture`,
  presetOpened: (/** @type {string} */ name) => `The settings of ${name} are on.`,
  masksGone: (/** @type {number} */ count) => (count === 1 ? "A part that was drawn is not in the file." : `${count} parts that were drawn are not in the file.`),
  settingsBack: (/** @type {string} */ name) => `${name} was painted here: its settings are back.`,
  paintedHere: (/** @type {string} */ name) => `${name} was painted here.`,
  useSettings: "Use its settings",
  styleGone: (/** @type {string} */ names) => `Left out, since it is not here any more: ${names}.`,
  openAsPhoto: "Open it as a photo",
  photos: "Photos",
  removePhoto: (/** @type {string} */ name) => `Remove ${name}`,
  time: (/** @type {number} */ seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`,
  frameAt: (/** @type {number} */ at) => `Frame at ${words.time(at)}`,
  from: "From",
  to: "To",

  // History and presets.
  history: "History",
  now: "Now",
  restore: (/** @type {string} */ title) => `Back to: ${title}`,
  compareWith: (/** @type {string} */ title) => `Compare: ${title}`,
  compareHelp: "Beside what is painted now; choose two to see both",
  star: (/** @type {string} */ title) => `Keep: ${title}`,
  starHelp: "Keep it in the history",
  presets: "Presets",
  presetName: "Name of this look",
  savePreset: "Save",
  presetsHelp: "Drop a preset's file, or a picture that was saved here, onto the page to get its settings back.",
  share: "Share",
  sharePreset: (/** @type {string} */ name) => `Save ${name} as a file`,
  removePreset: (/** @type {string} */ name) => `Remove ${name}`,

  // Files that wait to be painted in their place.
  editPaint: (/** @type {string} */ name, /** @type {number} */ count) => (count > 1 ? `Paint ${count} files` : `Paint ${name}`),
  editLeave: "Leave as it was",
  editPainting: (/** @type {string} */ name, /** @type {number} */ count) => `${count > 1 ? `${count} files are` : `${name} is`} being painted. You can close this page.`,
  editLeft: "Everything is as it was. You can close this page.",

  // Export.
  what: "What",
  thisPhoto: "This photo",
  allPhotos: (/** @type {number} */ count) => `All ${count} photos, as a ZIP`,
  hand: "Hand",
  painter: "Painter",
  painterHelp: "Some seconds (feed-forward network)",
  painterClipHelp: "As the key frames are shown",
  quick: "Quick",
  quickHelp: "In a second, and simpler (--engine light)",
  fine: "Fine",
  fineHelp: "Larger strokes, cleaner colors; some seconds. It is fetched once, 6 MB (--engine painter).",
  fetching: (/** @type {number} */ share) => `Fetching the painter: ${Math.round(100 * share)} %`,
  light: "Light",
  lightHelp: "Five times as fast, and simpler",
  best: "Slow hand",
  bestHelp: "Minutes: the pixels themselves are changed until they show the painting's strokes (Gatys' optimization).",
  iterations: "Patience",
  iterationsHelp: "Evaluations of the losses: more takes longer.",
  bestSize: (/** @type {number} */ side) => `${side} pixels on the longer side. It shows how it grows, and can be stopped at any time.`,
  file: "File",
  quality: "Quality",
  depth: "Depth",
  bits: (/** @type {number} */ count) => `${count} bits`,
  size: "Size",
  ownSizes: "As they are",
  ownSize: (/** @type {number} */ width, /** @type {number} */ height) => `${width} × ${height}`,
  poster: (/** @type {number} */ times, /** @type {number} */ side) => `Poster, ${times} × (${side})`,
  posterHelp: "The photo is enlarged by a network, then painted",
  otherSize: "Other",
  longerSide: "Longer side in pixels",
  steady: "Steadiness",
  steadyHelp: "How much of the last picture is carried along the motion.",
  sound: "Sound",
  mark: "Write into the file how it was made",
  markHelp: "Dropped here again, the picture then brings its settings back.",
  metadata: "Of the photo's metadata",
  metadataKept: {
    all: { label: "Keep all", help: "Camera, time, place, names, rights." },
    place: { label: "Not the place", help: "All but GPS and names of places." },
    none: { label: "Keep none", help: "Nothing that came with the photo but its color profile." },
  },
  tellMe: "Tell me when it is done",
  sameCommand: "The same on the command line",
  copy: "Copy",
  copied: "Copied.",
  copyYourself: "It is selected: copy it with Ctrl C.",
  saveMasks: "Save the masks",
  cancel: "Cancel",
  exportNow: "Export",
  exportAll: (/** @type {number} */ count) => `${count} photos`,
  masksLeftOut: "Drawn parts belong to one photo; they are left out here.",

  // Jobs.
  tray: "Work",
  stop: "Stop",
  stopHelp: "Keeps what is there so far, where something is.",
  saveResult: "Save",
  show: "Show",
  showHelp: "Beside the picture on the canvas (Escape ends it)",
  nothingYet: "there is nothing to see yet",
  stopping: "Stopping…",
  dismiss: "Dismiss",
  resultGone: "the result is not there any more",
  finished: (/** @type {string} */ title) => `Done: ${title}`,
  downloaded: (/** @type {string} */ file) => `. It is in your browser's downloads as ${file}`,
  stopped: (/** @type {string} */ title) => `Stopped, with what there is: ${title}`,
  failed: (/** @type {string} */ title, /** @type {string} */ message, /** @type {string} */ hint) => `${title}: ${message}${hint ? ` (${hint})` : ""}`,
  /** @param {Job | undefined} job @param {number | null} left */
  jobState(job, left) {
    if (!job) return "…";
    if (job.stopping) return words.stopping;
    if (job.state === "waiting") return job.place ? `Number ${job.place} in the queue` : "Waiting";
    if (job.state === "running") {
      return `${Math.round(100 * job.fraction)} %${left === null ? "" : ` · about ${duration(left)} left`}`;
    }
    if (job.state === "failed") return job.error?.message ?? "It failed.";
    return job.state === "done" ? "Done" : "Stopped";
  },

  // About.
  keys: [
    ["B", "hold: the photo"], ["\\", "split line"], ["0, 1", "whole picture, real pixels"], ["+ −", "zoom"],
    ["Ctrl Z, Ctrl Shift Z", "undo, redo"], ["[ ]", "smaller, larger brush"], ["X", "draw, erase"], ["M", "show the part's mask"],
    ["Delete", "on a slider: as at the beginning"], ["F", "favorite"], ["Ctrl S", "export"], ["Escape", "put the brush down"], ["Arrows", "walk through the styles; move the picture"],
  ],
  letters: "Single letters are keys",
  tryAgain: "Try again",
  privateHere: "Your pictures never leave this device: they are painted in this browser, which keeps them until you say otherwise.",
  private: "Your pictures stay between this browser and the program that serves this page. Nothing else is asked. The program forgets them after a while; this browser keeps them until you say otherwise.",
  version: (/** @type {string} */ version) => `Impasto ${version}`,
  credits: "The paintings",
  close: "Close",

  /** A fault in the page's language. @param {Fault} fault */
  fault(fault) {
    const text = fault.text.replaceAll(/\s*--[a-z-]+( [A-Z]+)?/g, "").trim();
    return text;
  },
};
