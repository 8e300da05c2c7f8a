/**
 * CRC-32C (Castagnoli), which guards the records of event files, and the form in which they keep it: turned and shifted, so that
 * the sum of data with sums in it does not become regular.
 */

/** Of the reflected polynomial: what one byte makes of a sum. */
export class Crc32c {
  readonly #table = new Uint32Array(256);

  constructor() {
    for (let byte = 0; byte < 256; byte++) {
      let sum = byte;
      for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ ((sum & 1) * 0x82f63b78);
      this.#table[byte] = sum;
    }
  }

  of(bytes: Uint8Array): number {
    let sum = 0xffffffff;
    for (const byte of bytes) sum = (this.#table[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
    return (sum ^ 0xffffffff) >>> 0;
  }

  /** As a record holds it. */
  masked(bytes: Uint8Array): number {
    const sum = this.of(bytes);
    return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0;
  }
}
