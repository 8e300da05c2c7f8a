/**
 * MNIST from bytes: for a page, which has no folder to read. In Node `loadMnist` finds the files, unpacks and checks them.
 *
 *   const { train, test } = mnistFrom({ trainImages, trainLabels, testImages, testLabels });
 */
import { checkArguments, checkOptions, type Kind, type OptionTable, text } from "../core/options.ts";
import type { ImageSet } from "./dataset.ts";
import { fail } from "./fail.ts";
import { decodeIdxDataset, type NamedBytes } from "./idx.ts";

/** The four files, unpacked. */
export interface MnistBytes {
  /** train-images-idx3-ubyte. */
  readonly trainImages: Uint8Array;
  /** train-labels-idx1-ubyte. */
  readonly trainLabels: Uint8Array;
  /** t10k-images-idx3-ubyte. */
  readonly testImages: Uint8Array;
  /** t10k-labels-idx1-ubyte. */
  readonly testLabels: Uint8Array;
  /** Where they come from, in words; "bytes" by default. */
  readonly origin?: string;
}

const bytes: Kind<Uint8Array> = {
  wanted: "the bytes of a file, a Uint8Array",
  accepts: (value): value is Uint8Array => value instanceof Uint8Array,
};
const optionTable: OptionTable<MnistBytes> = {
  trainImages: bytes,
  trainLabels: bytes,
  testImages: bytes,
  testLabels: bytes,
  origin: text,
};

/**
 * MNIST, or another data set in its format (28 x 28 bytes, labels 0 to 9), from the bytes of its four IDX files. Nothing is copied. A
 * DataError names the file that is damaged, gzipped still, or does not belong to its neighbour.
 */
export function mnistFrom(files: MnistBytes): ImageSet {
  checkArguments("mnistFrom", arguments, 1);
  const { origin = "bytes", ...given } = checkOptions("mnistFrom", files, optionTable);
  const file = (name: Exclude<keyof MnistBytes, "origin">): NamedBytes => ({
    name,
    bytes: given[name] ?? fail("mnistFrom", `${name} is missing: it takes the bytes of MNIST's four files`),
  });
  return decodeIdxDataset({
    name: "mnist",
    origin,
    train: { images: file("trainImages"), labels: file("trainLabels") },
    test: { images: file("testImages"), labels: file("testLabels") },
  });
}
