/**
 * Pixels: bytes that are brightness, from 0 to 255. They are an ordinary Uint8Array in all else, and a part of them is Pixels too:
 *
 *   net.predict({ x: test.images.subarray(0, 784) })     knows that these bytes are pixels, and multiplies them by 1/255
 *
 * Other bytes (ages, labels, counts) are numbers as they are.
 */
export class Pixels extends Uint8Array {
  /** What makes them numbers from 0 to 1: trainers multiply them by it, unless they are told otherwise. */
  get scale(): number {
    return 1 / 255;
  }
}
