// The filters behind src/filters.ts, in AssemblyScript for WebAssembly's 128-bit SIMD. All arrays are float32, row by
// row, and lie where the caller says; nothing is allocated here. "Colors" have four numbers a pixel, so that a pixel is
// one vector.

const ONE: f32 = 1;
const NEAR: f32 = 3; // Scharr's filter
const FAR: f32 = 10;

/** A place of a line of `length`, mirrored into it without its last number. */
// @ts-ignore: decorator
@inline
function mirrored(at: i32, length: i32): i32 {
  if (length == 1) return 0;
  const period = 2 * length - 2;
  let within = at % period;
  if (within < 0) within += period;
  return within < length ? within : period - within;
}

// @ts-ignore: decorator
@inline
function add(to: usize, from: usize, weight: f32, count: i32): void {
  const times = f32x4.splat(weight);
  let x = 0;
  for (; x + 4 <= count; x += 4) {
    const at = (<usize>x) << 2;
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(times, v128.load(from + at))));
  }
  for (; x < count; x++) {
    const at = (<usize>x) << 2;
    store<f32>(to + at, load<f32>(to + at) + weight * load<f32>(from + at));
  }
}

/**
 * Blur by a separable kernel of 2 * reach + 1 weights; borders are mirrored.
 * @param spare as many numbers as the picture has
 * @param line (width + 2 * reach) * channels numbers
 */
export function blur(from: usize, to: usize, spare: usize, line: usize, width: i32, height: i32, channels: i32, kernel: usize, reach: i32): void {
  const length = width * channels;
  const bytes = (<usize>length) << 2;
  const pixel = (<usize>channels) << 2;
  memory.fill(spare, 0, bytes * height);
  memory.fill(to, 0, bytes * height);
  for (let y = 0; y < height; y++) {
    const row = from + bytes * y;
    memory.copy(line + pixel * reach, row, bytes);
    for (let x = 1; x <= reach; x++) {
      memory.copy(line + pixel * (reach - x), row + pixel * mirrored(-x, width), pixel);
      memory.copy(line + pixel * (reach + width - 1 + x), row + pixel * mirrored(width - 1 + x, width), pixel);
    }
    for (let tap = 0; tap <= 2 * reach; tap++)
      add(spare + bytes * y, line + pixel * tap, load<f32>(kernel + ((<usize>tap) << 2)), length);
  }
  for (let y = 0; y < height; y++)
    for (let tap = 0; tap <= 2 * reach; tap++)
      add(to + bytes * y, spare + bytes * mirrored(y + tap - reach, height), load<f32>(kernel + ((<usize>tap) << 2)), length);
}

/** The luminance of colors: into a plane, and into their fourth number. */
export function luminance(colors: usize, gray: usize, count: i32, r: f32, g: f32, b: f32): void {
  for (let i = 0; i < count; i++) {
    const at = colors + ((<usize>i) << 4);
    const y = r * load<f32>(at) + g * load<f32>(at, 4) + b * load<f32>(at, 8);
    store<f32>(at, y, 12);
    store<f32>(gray + ((<usize>i) << 2), y);
  }
}

/** A plane at half the size, the last row or column repeated where their number is odd. */
export function halve(plane: usize, to: usize, width: i32, height: i32): void {
  for (let y = 0; y < height; y += 2) {
    const upper = plane + ((<usize>(y * width)) << 2);
    const lower = plane + ((<usize>(min(y + 1, height - 1) * width)) << 2);
    for (let x = 0; x < width; x += 2, to += 4) {
      const at = (<usize>x) << 2;
      const next = (<usize>min(x + 1, width - 1)) << 2;
      store<f32>(to, (load<f32>(upper + at) + load<f32>(upper + next) + load<f32>(lower + at) + load<f32>(lower + next)) * 0.25);
    }
  }
}

/** The structure tensor of a plane, two numbers a pixel: the doubled angle's cosine and sine, times the gradient's square. */
export function tensor(gray: usize, to: usize, width: i32, height: i32): void {
  for (let y = 0; y < height; y++) {
    const up = gray + ((<usize>(mirrored(y - 1, height) * width)) << 2);
    const here = gray + ((<usize>(y * width)) << 2);
    const down = gray + ((<usize>(mirrored(y + 1, height) * width)) << 2);
    for (let x = 0; x < width; x++) {
      const left = (<usize>mirrored(x - 1, width)) << 2;
      const right = (<usize>mirrored(x + 1, width)) << 2;
      const at = (<usize>x) << 2;
      const a = load<f32>(down + right) - load<f32>(up + left);
      const b = load<f32>(up + right) - load<f32>(down + left);
      const dx = NEAR * (a + b) + FAR * (load<f32>(here + right) - load<f32>(here + left));
      const dy = NEAR * (a - b) + FAR * (load<f32>(down + at) - load<f32>(up + at));
      const place = to + ((<usize>(y * width + x)) << 3);
      store<f32>(place, dx * dx - dy * dy);
      store<f32>(place, dx * dy + dx * dy, 4);
    }
  }
}

/** Unit vectors, column and row, at half the angle of a smoothed tensor that has half the size. */
export function directions(half: usize, to: usize, width: i32, height: i32): void {
  const columns = (width + 1) >> 1;
  const rows = (height + 1) >> 1;
  for (let y = 0; y < height; y++) {
    const upper = (y - 1) >> 1;
    const v: f32 = y & 1 ? 0.25 : 0.75;
    const above = half + ((<usize>(max(upper, 0) * columns)) << 3);
    const below = half + ((<usize>(min(upper + 1, rows - 1) * columns)) << 3);
    for (let x = 0; x < width; x++) {
      const first = (x - 1) >> 1;
      const u: f32 = x & 1 ? 0.25 : 0.75;
      const left = (<usize>max(first, 0)) << 3;
      const right = (<usize>min(first + 1, columns - 1)) << 3;
      const a = (ONE - u) * (ONE - v);
      const b = u * (ONE - v);
      const c = (ONE - u) * v;
      const d = u * v;
      const cosine = a * load<f32>(above + left) + b * load<f32>(above + right) + c * load<f32>(below + left) + d * load<f32>(below + right);
      const sine =
        a * load<f32>(above + left, 4) + b * load<f32>(above + right, 4) + c * load<f32>(below + left, 4) + d * load<f32>(below + right, 4);
      const length = sqrt<f32>(cosine * cosine + sine * sine);
      const share: f32 = length > 0 ? cosine / length : 1;
      const place = to + ((<usize>(y * width + x)) << 3);
      const across = sqrt<f32>(max<f32>(0, (ONE + share) * 0.5));
      store<f32>(place, sine < 0 ? -across : across);
      store<f32>(place, sqrt<f32>(max<f32>(0, (ONE - share) * 0.5)), 4);
    }
  }
}

/** Colors at a place between pixels. */
// @ts-ignore: decorator
@inline
function sample(colors: usize, width: i32, height: i32, x: f32, y: f32): v128 {
  const left = <i32>floor<f32>(x);
  const top = <i32>floor<f32>(y);
  const u = x - <f32>left;
  const v = y - <f32>top;
  let near = left;
  let far = left + 1;
  let upper = top;
  let lower = top + 1;
  if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) {
    near = mirrored(near, width);
    far = mirrored(far, width);
    upper = mirrored(upper, height);
    lower = mirrored(lower, height);
  }
  const above = colors + ((<usize>(upper * width)) << 4);
  const below = colors + ((<usize>(lower * width)) << 4);
  const a = v128.load(above + ((<usize>near) << 4));
  const b = v128.load(above + ((<usize>far) << 4));
  const c = v128.load(below + ((<usize>near) << 4));
  const d = v128.load(below + ((<usize>far) << 4));
  const across = f32x4.splat(u);
  const one = f32x4.add(a, f32x4.mul(across, f32x4.sub(b, a)));
  const other = f32x4.add(c, f32x4.mul(across, f32x4.sub(d, c)));
  return f32x4.add(one, f32x4.mul(f32x4.splat(v), f32x4.sub(other, one)));
}

/** Colors, averaged with two neighbors along their lines. */
export function average(colors: usize, way: usize, to: usize, width: i32, height: i32, reach: f32, weight: f32): void {
  const own = f32x4.splat(ONE / (ONE + weight + weight));
  const others = f32x4.splat(weight / (ONE + weight + weight));
  let at: usize = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 16) {
      const dx = -reach * load<f32>(way + (at >> 1), 4);
      const dy = reach * load<f32>(way + (at >> 1));
      const one = sample(colors, width, height, <f32>x + dx, <f32>y + dy);
      const other = sample(colors, width, height, <f32>x - dx, <f32>y - dy);
      v128.store(to + at, f32x4.add(f32x4.mul(own, v128.load(colors + at)), f32x4.mul(others, f32x4.add(one, other))));
    }
}

/** Colors' fourth number, from a plane or to it. */
export function fourth(colors: usize, plane: usize, count: i32, into: bool): void {
  for (let i = 0; i < count; i++) {
    const at = colors + ((<usize>i) << 4);
    const place = plane + ((<usize>i) << 2);
    if (into) store<f32>(at, load<f32>(place), 12);
    else store<f32>(place, load<f32>(at, 12));
  }
}

/** A shock filter: each pixel goes towards its darker or brighter neighbor across its line. */
export function shock(colors: usize, way: usize, to: usize, width: i32, height: i32, reach: f32, gain: f32, most: f32, tie: f32): void {
  let at: usize = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 16) {
      const dx = reach * load<f32>(way + (at >> 1));
      const dy = reach * load<f32>(way + (at >> 1), 4);
      const ahead = sample(colors, width, height, <f32>x + dx, <f32>y + dy);
      const behind = sample(colors, width, height, <f32>x - dx, <f32>y - dy);
      const own = v128.load(colors + at);
      const one = f32x4.extract_lane(ahead, 3);
      const other = f32x4.extract_lane(behind, 3);
      const middle = f32x4.extract_lane(own, 3);
      const curve = max<f32>(-1, min<f32>(1, gain * (one + other - middle - middle)));
      const brighter = max<f32>(0, min<f32>(1, (curve < 0 ? -tie : tie) * (other - one) + 0.5));
      const target = f32x4.add(behind, f32x4.mul(f32x4.splat(brighter), f32x4.sub(ahead, behind)));
      v128.store(to + at, f32x4.add(own, f32x4.mul(f32x4.splat(most * abs<f32>(curve)), f32x4.sub(target, own))));
    }
}

/**
 * A row of another picture, from a row of colors: of each pixel four taps, and their shares.
 * @param taps numbers of pixels, four for each
 */
export function gather(row: usize, taps: usize, shares: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x++) {
    const at = (<usize>x) << 4;
    let sum = f32x4.mul(v128.load32_splat(shares + at), v128.load(row + ((<usize>load<i32>(taps + at)) << 4)));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(shares + at, 4), v128.load(row + ((<usize>load<i32>(taps + at, 4)) << 4))));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(shares + at, 8), v128.load(row + ((<usize>load<i32>(taps + at, 8)) << 4))));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(shares + at, 12), v128.load(row + ((<usize>load<i32>(taps + at, 12)) << 4))));
    v128.store(to + at, sum);
  }
}

/** As `gather`, for a plane. */
export function gatherPlane(row: usize, taps: usize, shares: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x++) {
    const at = (<usize>x) << 4;
    store<f32>(
      to + ((<usize>x) << 2),
      load<f32>(shares + at) * load<f32>(row + ((<usize>load<i32>(taps + at)) << 2)) +
        load<f32>(shares + at, 4) * load<f32>(row + ((<usize>load<i32>(taps + at, 4)) << 2)) +
        load<f32>(shares + at, 8) * load<f32>(row + ((<usize>load<i32>(taps + at, 8)) << 2)) +
        load<f32>(shares + at, 12) * load<f32>(row + ((<usize>load<i32>(taps + at, 12)) << 2)),
    );
  }
}

/** The sum of four rows, each times its share. */
export function blend(a: usize, b: usize, c: usize, d: usize, shares: usize, to: usize, count: i32): void {
  memory.fill(to, 0, (<usize>count) << 2);
  add(to, a, load<f32>(shares), count);
  add(to, b, load<f32>(shares, 4), count);
  add(to, c, load<f32>(shares, 8), count);
  add(to, d, load<f32>(shares, 12), count);
}
