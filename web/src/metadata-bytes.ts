// Bytes as texts and numbers.

export type Bytes = Uint8Array<ArrayBuffer>;

/** One character a byte. */
export function latin(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) parts.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return parts.join("");
}

/** One byte a character; a question mark for what has none. */
export const asLatin = (text: string): Bytes => Uint8Array.from(text, (one) => (one <= "\xff" ? one.charCodeAt(0) : 63));

export const startsWith = (bytes: Uint8Array, text: string) => latin(bytes.subarray(0, text.length)) === text;

export const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

export function joined(parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of parts) {
    out.set(one, at);
    at += one.length;
  }
  return out;
}
