// All that the page says, in a painter's words; the field's terms are in the tooltips.

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
  noStyleFound: "No painting has that name.",
  ownPainting: "+ Your own painting",
  ownPaintingHelp: "Any painting, drawing or texture as a style, without training.",
  yours: "Yours",
  thePhoto: "The photo",
  aPainting: "A painting",
  favorite: "Favorite",
  keepPainting: "Keep this painting",
  keepPaintingHelp: "Puts it into the gallery, for later visits and for the command line.",
  learn: (/** @type {number} */ seconds) => `Learn it (${duration(seconds)})`,
  learnHelp: "Trains the painter on this painting (perceptual losses). Results come nearer to it.",
  learnBold: (/** @type {number} */ seconds) => `Learn it boldly (${duration(seconds)})`,
  learnBoldHelp: "The painting's lines and dots may fill plain areas.",
  rename: "Rename",
  remove: "Remove",
  whichTitle: "Name of this style",
  learned: (/** @type {string} */ title) => `${title} is in the gallery.`,
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
    boldness: { label: "Boldness", help: "Paints twice, for bolder strokes and fewer details.", show: percent },
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
  photoBackHelp: "Paint over the parts to keep.",
  paintIn: "Brush the effect in",
  paintInHelp: "Begin with the photo, and paint the effect where you want it.",
  otherStyle: "Another style here",
  otherStyleHelp: "Paint over the parts for another style.",
  found: /** @type {Record<string, {label: string, keep: string, help: string}>} */ ({
    person: { label: "Person", keep: "Keep the person", help: "Finds the people in the photo (a small segmentation network), and leaves them as they are. You can also give them another style." },
    background: { label: "Background", keep: "Keep the background", help: "Paints only the people. You can also give the background another style." },
    faces: { label: "Faces", keep: "Soften faces", help: "Paints faces with 40 % of the strength." },
  }),
  part: (/** @type {number} */ number) => `Part ${number}`,
  parts: (/** @type {number} */ count) => (count === 1 ? "1 part" : `${count} parts`),
  asGround: "Same as the rest",
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
  maskGone: "this browser has lost the drawn part; draw it again",
  noMask: (/** @type {string} */ name) => `${name} cannot be used as a mask: open a gray picture.`,

  // Files.
  opening: (/** @type {string} */ name, /** @type {number} */ share, /** @type {number} */ index, /** @type {number} */ count) =>
    `Opening ${name}${count > 1 ? ` (${index + 1} of ${count})` : ""}${share < 1 ? ` ${Math.round(100 * share)} %` : "…"}`,
  tooLarge: (/** @type {string} */ name, /** @type {number} */ size, /** @type {number} */ most) =>
    `${name} has ${size.toFixed(0)} MB; the limit is ${most} MB. Make it smaller, or ask the operator of this page.`,
  gone: (/** @type {string} */ name) => `${name} is no longer open`,
  openAgain: "open it again",
  noPreset: (/** @type {string} */ name) => `${name} contains no settings; open a preset, or a picture that Impasto saved`,
  noPainting: (/** @type {string} */ name) => `${name} is a clip; choose a picture as the style`,
  presetOpened: (/** @type {string} */ name) => `These are the settings of ${name}.`,
  masksGone: (/** @type {number} */ count) => (count === 1 ? "The file does not contain one drawn part. Draw it again." : `The file does not contain ${count} drawn parts. Draw them again.`),
  settingsBack: (/** @type {string} */ name) => `Impasto painted ${name}: its settings are back.`,
  paintedHere: (/** @type {string} */ name) => `Impasto painted ${name}.`,
  useSettings: "Use its settings",
  styleGone: (/** @type {string} */ names) => `Left out, no longer in the gallery: ${names}.`,
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
  painterHelp: "A few seconds (feed-forward network)",
  painterClipHelp: "Looks like the preview",
  quick: "Quick",
  quickHelp: "In a second, and simpler (--engine light)",
  fine: "Fine",
  fineHelp: "Larger strokes, cleaner colors; takes a few seconds. Downloaded once: 6 MB (--engine painter).",
  fetching: (/** @type {number} */ share) => `Fetching the painter: ${Math.round(100 * share)} %`,
  light: "Light",
  lightHelp: "Five times as fast, and simpler",
  best: "Slow hand",
  bestHelp: "Takes minutes. Changes the pixels until they show the painting's strokes (Gatys' optimization).",
  iterations: "Patience",
  iterationsHelp: "Evaluations of the losses: more takes longer.",
  bestSize: (/** @type {number} */ side) => `${side} pixels on the longer side. You can watch the painting and stop it at any time.`,
  file: "File",
  quality: "Quality",
  depth: "Depth",
  bits: (/** @type {number} */ count) => `${count} bits`,
  size: "Size",
  ownSizes: "As they are",
  ownSize: (/** @type {number} */ width, /** @type {number} */ height) => `${width} × ${height}`,
  poster: (/** @type {number} */ times, /** @type {number} */ side) => `Poster, ${times} × (${side})`,
  posterHelp: "A network enlarges the photo; then Impasto paints it",
  otherSize: "Other",
  longerSide: "Longer side in pixels",
  steady: "Steadiness",
  steadyHelp: "Share of the previous frame that is kept along the motion, against flicker.",
  sound: "Sound",
  mark: "Store the settings in the file",
  markHelp: "Drop the picture here to get its settings back.",
  metadata: "The photo's metadata",
  metadataKept: {
    all: { label: "Keep all", help: "Camera, time, place, names, rights." },
    place: { label: "Remove the place", help: "Keeps everything except GPS and place names." },
    none: { label: "Remove all", help: "Keeps only the color profile." },
  },
  tellMe: "Tell me when it is done",
  sameCommand: "The same on the command line",
  copy: "Copy",
  copied: "Copied.",
  copyYourself: "The command is selected: press Ctrl C.",
  saveMasks: "Save the masks",
  cancel: "Cancel",
  exportNow: "Export",
  exportAll: (/** @type {number} */ count) => `${count} photos`,
  masksLeftOut: "Drawn parts belong to one photo; they are left out here.",

  // Jobs.
  tray: "Work",
  stop: "Stop",
  stopHelp: "Keeps the unfinished result, if there is one.",
  saveResult: "Save",
  show: "Show",
  showHelp: "Beside the picture on the canvas (Escape ends it)",
  nothingYet: "there is nothing to see yet",
  stopping: "Stopping…",
  dismiss: "Dismiss",
  resultGone: "the result is gone",
  exportAgain: "export it again",
  finished: (/** @type {string} */ title) => `Done: ${title}`,
  downloaded: (/** @type {string} */ file) => `. It is in your browser's downloads as ${file}`,
  stopped: (/** @type {string} */ title) => `Stopped, unfinished result kept: ${title}`,
  failed: (/** @type {string} */ title, /** @type {string} */ message, /** @type {string} */ hint) => `${title}: ${message}${hint && !hint.startsWith("--") ? ` (${hint})` : ""}`,
  /** @param {Job | undefined} job @param {number | null} left */
  jobState(job, left) {
    if (!job) return "…";
    if (job.stopping) return words.stopping;
    if (job.state === "waiting") return job.place ? `Number ${job.place} in the queue` : "Waiting";
    if (job.state === "running") {
      return `${Math.round(100 * job.fraction)} %${left === null ? "" : ` · about ${duration(left)} left`}`;
    }
    if (job.state === "failed") return job.error?.message ?? "The job failed. Try again.";
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
  privateHere: "Your pictures never leave this device: they are painted in this browser, which keeps them until you delete them.",
  private: "Your pictures go only to the Impasto server of this page, which deletes them after a while. This browser keeps them until you delete them.",
  version: (/** @type {string} */ version) => `Impasto ${version}`,
  credits: "The paintings",
  close: "Close",
};
