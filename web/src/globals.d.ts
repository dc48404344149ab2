/** The version of Impasto, from src/impasto/version.py. */
declare const __VERSION__: string;
