// What the app says beside the studio.

const megabytes = (count: number) => (count / 1e6).toFixed(1);

export const words = {
  loading: (loaded: number, total: number) => `Loading the painter: ${megabytes(loaded)} of ${megabytes(total)} MB, once`,
  starting: "Starting the painter…",
  again: "Try again",
  live: "Live",
  liveHelp: "The camera's picture, painted as it comes",
  update: "A new version of Impasto is here.",
  loadIt: "Use it now",
  notKept: "There is no room to keep Impasto for use without a connection; it works while you are connected.",
  noShared: "What was shared could not be opened.",
};
