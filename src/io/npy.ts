/** npy, NumPy's file of one array, read and written by users: arguments are looked at here, bytes in npy-arrays.ts. */
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, type OptionTable, show } from "../core/options.ts";
import { decodeNpy, encodeNpy } from "./npy-arrays.ts";
import type { StoredTensor } from "./safetensors.ts";

export interface ReadNpyOptions {
  /**
   * Take elements of two bytes that the file calls void (V2) for bfloat16: npy has no name for bfloat16, and NumPy writes it so.
   * False by default.
   */
  readonly bfloat16?: boolean;
}

export const readNpyTable: OptionTable<ReadNpyOptions> = { bfloat16: flag };

/**
 * The array of an npy file; `name` is what errors call it. f2, f4, f8, bool, i4, u1 and u4 come as they are, i1 and i2 as i32, u2 as
 * u32; i8 and u8 as i32 and u32 where all values fit. Anything else, and any damage, is a DataError.
 */
export function readNpy(bytes: Uint8Array, name = "the npy file", options: ReadNpyOptions = {}): StoredTensor {
  checkArguments("readNpy", arguments, 3);
  checkOptions("readNpy", options, readNpyTable, { before: "bytes, name, " });
  if (!(bytes instanceof Uint8Array)) {
    throw new UserError(`readNpy takes the bytes of a file, a Uint8Array, not ${show(bytes)}`);
  }
  return decodeNpy(bytes, name, options);
}

/** Bytes of an npy file with this tensor, rows first, as NumPy writes them. Throws a UserError for bf16, for which npy has no name. */
export function writeNpy(tensor: StoredTensor): Uint8Array {
  checkArguments("writeNpy", arguments, 1);
  return encodeNpy("the tensor", tensor, "writeNpy");
}
