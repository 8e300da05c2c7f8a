/**
 * Whether code may be compiled here while the program runs. A page's content security policy may forbid it, for JavaScript and
 * WebAssembly apart; engines tell by refusing. `WebAssembly.validate` says nothing of it.
 *
 *   js      'unsafe-eval' in script-src
 *   wasm    'wasm-unsafe-eval' in script-src, and worker-src blob: for more threads than one
 *   wgsl    nothing
 */
const emptyModule = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Why WebAssembly cannot be compiled, and what to do; null where it can. */
export function whyNoWasm(): string | null {
  try {
    new WebAssembly.Module(Uint8Array.from(emptyModule));
    return null;
  } catch {
    return forbidden("WebAssembly", "wasm-unsafe-eval");
  }
}

/** The same of JavaScript. */
export function whyNoJs(): string | null {
  try {
    new Function("");
    return null;
  } catch {
    return forbidden("JavaScript", "unsafe-eval");
  }
}

/** Where there is no page it was a flag, as `node --disallow-code-generation-from-strings`. */
function forbidden(what: string, source: string): string {
  const isNode = typeof process === "object" && typeof process.versions?.node === "string";
  return isNode
    ? `this process's flags forbid compiling ${what} while it runs`
    : `this page's content security policy forbids compiling ${what} while it runs ('${source}' in its script-src allows it)`;
}
