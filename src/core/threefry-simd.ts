/**
 * Many blocks of Threefry-2x32-20 at once: the words that random.ts draws, by the engine's SIMD instructions.
 *
 * A module of WebAssembly, in which four blocks stand in the lanes of two vectors. An engine compiles it at once, and JavaScript only
 * after thousands of blocks: 400,000 numbers take 2.4 ms in a fresh process where they took 8, and 1 later where they took 3.3.
 */

/** Draws into a memory of its own. */
export interface ManyWords {
  /** What `draw` wrote. */
  readonly words: Uint32Array;
  /** What `toUniforms` wrote, in the same place. */
  readonly floats: Float32Array;
  /** The words of the blocks whose counters are (counter0, counter1), (counter0 + 1, counter1), ...: the two of a block side by side. */
  draw(key0: number, key1: number, counter0: number, counter1: number): void;
  /** Puts offset + scale * (top 24 bits / 2^24) in place of each word: computed in float64, then rounded. */
  toUniforms(offset: number, scale: number): void;
}

/** Words of one draw: 16 KiB, which stay in the nearest cache. */
export const wordsAtOnce = 4096;

/** Null where the engine has no SIMD, or may not compile. */
export function manyWords(): ManyWords | null {
  try {
    const m = new WebAssembly.Memory({ initial: 1 });
    const { draw, toUniforms } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()), { "": { m } }).exports;
    if (!isFunction(draw) || !isFunction(toUniforms)) return null;
    const words = new Uint32Array(m.buffer, 0, wordsAtOnce);
    return { words, floats: new Float32Array(m.buffer, 0, wordsAtOnce), draw, toUniforms };
  } catch {
    return null;
  }
}

/** The module in base64, with its memory imported. test/threefry-module.ts writes it, and says what is in it. */
const moduleText = [
  "AGFzbQEAAAABDQJgBH9/f38AYAJ8fAACBwEAAW0CAAEDAwIAAQcVAgRkcmF3AAAKdG9Vbmlmb3JtcwABCowJAvIHAgd7AX8gAP0RIQQgAf0RIQUgBCAF",
  "/VH9DNob0RvaG9Eb2hvRG9ob0Rv9USEGIAL9Ef0MAAAAAAEAAAACAAAAAwAAAP2uASAE/a4BIQcgA/0RIAX9rgEhCANAIAchCSAIIQogCSAK/a4BIQkg",
  "CkEN/asBIApBE/2tAf1QIAn9USEKIAkgCv2uASEJIApBD/2rASAKQRH9rQH9UCAJ/VEhCiAJIAr9rgEhCSAKQRr9qwEgCkEG/a0B/VAgCf1RIQogCSAK",
  "/a4BIQkgCkEG/asBIApBGv2tAf1QIAn9USEKIAkgBf2uASEJIAogBv2uAf0MAQAAAAEAAAABAAAAAQAAAP2uASEKIAkgCv2uASEJIApBEf2rASAKQQ/9",
  "rQH9UCAJ/VEhCiAJIAr9rgEhCSAKQR39qwEgCkED/a0B/VAgCf1RIQogCSAK/a4BIQkgCkEQ/asBIApBEP2tAf1QIAn9USEKIAkgCv2uASEJIApBGP2r",
  "ASAKQQj9rQH9UCAJ/VEhCiAJIAb9rgEhCSAKIAT9rgH9DAIAAAACAAAAAgAAAAIAAAD9rgEhCiAJIAr9rgEhCSAKQQ39qwEgCkET/a0B/VAgCf1RIQog",
  "CSAK/a4BIQkgCkEP/asBIApBEf2tAf1QIAn9USEKIAkgCv2uASEJIApBGv2rASAKQQb9rQH9UCAJ/VEhCiAJIAr9rgEhCSAKQQb9qwEgCkEa/a0B/VAg",
  "Cf1RIQogCSAE/a4BIQkgCiAF/a4B/QwDAAAAAwAAAAMAAAADAAAA/a4BIQogCSAK/a4BIQkgCkER/asBIApBD/2tAf1QIAn9USEKIAkgCv2uASEJIApB",
  "Hf2rASAKQQP9rQH9UCAJ/VEhCiAJIAr9rgEhCSAKQRD9qwEgCkEQ/a0B/VAgCf1RIQogCSAK/a4BIQkgCkEY/asBIApBCP2tAf1QIAn9USEKIAkgBf2u",
  "ASEJIAogBv2uAf0MBAAAAAQAAAAEAAAABAAAAP2uASEKIAkgCv2uASEJIApBDf2rASAKQRP9rQH9UCAJ/VEhCiAJIAr9rgEhCSAKQQ/9qwEgCkER/a0B",
  "/VAgCf1RIQogCSAK/a4BIQkgCkEa/asBIApBBv2tAf1QIAn9USEKIAkgCv2uASEJIApBBv2rASAKQRr9rQH9UCAJ/VEhCiAJIAb9rgEhCSAKIAT9rgH9",
  "DAUAAAAFAAAABQAAAAUAAAD9rgEhCiALIAkgCv0NAAECAxAREhMEBQYHFBUWF/0LBAAgCyAJIAr9DQgJCgsYGRobDA0ODxwdHh/9CwQQIAf9DAQAAAAE",
  "AAAABAAAAAQAAAD9rgEhByALQSBqIgtBgIABSQ0ACwuVAQIEewF/IAD9FCECIAH9FCEDRAAAAAAAAHA+/RQhBANAIAb9AAQAQQj9rQEhBSAGIAX9/wEg",
  "BP3yASAD/fIBIAL98AH9XiAFIAX9DQgJCgsMDQ4PCAkKCwwNDg/9/wEgBP3yASAD/fIBIAL98AH9Xv0NAAECAwQFBgcQERITFBUWF/0LBAAgBkEQaiIG",
  "QYCAAUkNAAsLAAwEbmFtZQEFAgAAAQA=",
];

export function moduleBytes(): Uint8Array<ArrayBuffer> {
  const characters = atob(moduleText.join(""));
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

function isFunction(value: unknown): value is (...operands: readonly number[]) => void {
  return typeof value === "function";
}
