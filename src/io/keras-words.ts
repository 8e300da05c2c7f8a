/** Keras's names for layers and variables, and how they are compared with ours. */

/** A name as it is compared: "recurrent_kernel" and "recurrentKernel" are one. */
export function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** "dense_1" is the second Dense. */
export function counted(key: string): { readonly kind: string; readonly number: number } {
  const [, kind = key, number] = /^(.*?)(?:_(\d{1,9}))?$/.exec(key) ?? [];
  return { kind: plain(kind), number: Number(number ?? 0) + 1 };
}
