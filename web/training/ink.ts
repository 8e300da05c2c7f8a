/**
 * A drawing as the networks know digits: 28 x 28 bytes, scaled into 20 x 20 with its centre of mass in the middle, as MNIST's were.
 */
const side = 28;
/** The longer side of what is drawn, in pixels. */
const box = 20;
/** Samples along each side of a pixel. */
const fine = 5;

/** Opacity from 0 to 255, row by row. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly ink: Uint8Array | Uint8ClampedArray;
}

/** Null where nothing is drawn. */
export function asDigit({ width, height, ink }: Drawing): Uint8Array | null {
  let [left, right, top, bottom] = [width, -1, height, -1];
  let [mass, massX, massY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = ink[y * width + x] ?? 0;
      if (here === 0) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      mass += here;
      massX += here * (x + 0.5);
      massY += here * (y + 0.5);
    }
  }
  if (mass === 0) return null;
  const scale = Math.max(right - left + 1, bottom - top + 1) / box; // points of the drawing in a pixel
  const [originX, originY] = [massX / mass - (side / 2) * scale, massY / mass - (side / 2) * scale];
  const digit = new Uint8Array(side * side);
  for (let at = 0; at < digit.length; at++) {
    let sum = 0;
    for (let sample = 0; sample < fine * fine; sample++) {
      const x = Math.floor(originX + ((at % side) + ((sample % fine) + 0.5) / fine) * scale);
      const y = Math.floor(originY + (Math.floor(at / side) + (Math.floor(sample / fine) + 0.5) / fine) * scale);
      if (x >= 0 && x < width && y >= 0 && y < height) sum += ink[y * width + x] ?? 0;
    }
    digit[at] = Math.round(sum / (fine * fine));
  }
  return digit;
}
