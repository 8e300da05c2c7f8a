/** The files beside the module. */

export interface ModuleFile {
  readonly name: string;
  readonly url: URL;
}

/** What `create` takes. */
export interface Options {
  /** The bytes of a safetensors file to start from, in place of the one beside the module. */
  readonly state?: Uint8Array | ArrayBuffer;
  /** Reads a file that belongs to the module, by its name, where it does not lie beside it. */
  readonly load?: (file: string) => Promise<Uint8Array | ArrayBuffer>;
}

export async function bytesOf({ name, url }: ModuleFile, { load }: Options): Promise<Uint8Array<ArrayBuffer>> {
  if (load !== undefined) return new Uint8Array(await load(name));
  // No import, which would keep bundlers for the web from taking this file.
  const fs = url.protocol === "file:" ? globalThis.process?.getBuiltinModule?.("node:fs/promises") : undefined;
  if (fs !== undefined) return new Uint8Array(await fs.readFile(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
