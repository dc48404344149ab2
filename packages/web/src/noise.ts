// The painter's noise: the same at the same place of a photo, and the same as the library's on every machine.

const SIDES = { 8: 256, 4: 512 } as const; // of the tables, which repeat after them, by what the size is divided by

const tables = new Map<number, Float32Array>();

/**
 * Noise for a part of a photo, its margin included.
 * @param by what the size is divided by
 * @param corner column and row of the part in the photo
 */
export function noiseAt(by: 8 | 4, corner: readonly [number, number], width: number, height: number, margin: number): Float32Array {
  const side = SIDES[by];
  if (!tables.has(by)) tables.set(by, normal(by, side));
  const table = tables.get(by) as Float32Array;
  const [wide, high] = [(width + 2 * margin) / by, (height + 2 * margin) / by];
  const [left, top] = corner.map((at) => Math.floor(at / by) - margin / by);
  const found = new Float32Array(wide * high);
  const folded = (at: number) => ((at % side) + side) % side;
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) found[y * wide + x] = table[folded(top + y) * side + folded(left + x)];
  return found;
}

/** side x side numbers of mean 0 and deviation 1: NumPy's `RandomState(seed).standard_normal`, normalized. */
function normal(seed: number, side: number): Float32Array {
  const draw = mersenne(seed);
  const drawn = new Float64Array(side * side);
  for (let i = 0; i < drawn.length; i += 2) {
    let [x, y, square] = [0, 0, 0];
    do {
      [x, y] = [2 * draw() - 1, 2 * draw() - 1];
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square); // Marsaglia's polar method
    drawn[i] = factor * y;
    drawn[i + 1] = factor * x;
  }
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
  return Float32Array.from(drawn, (value) => (value - mean) / deviation);
}

/** Numbers in 0..1 of 53 bits by the Mersenne Twister MT19937 (Matsumoto & Nishimura 1998). */
function mersenne(seed: number): () => number {
  const [size, apart] = [624, 397];
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const before = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, before) + i;
  }
  let at = size;
  const next = () => {
    if (at === size) {
      for (let i = 0; i < size; i++) {
        const bits = (state[i] & 0x80000000) | (state[(i + 1) % size] & 0x7fffffff);
        state[i] = state[(i + apart) % size] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let bits = state[at++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  };
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}
