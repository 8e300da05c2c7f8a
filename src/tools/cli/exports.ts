/**
 * What a script exports, read from its source: a program is asked for before anything of the script runs, since importing a
 * script that trains at its top would take minutes only to say that it exports none.
 */
import { build } from "esbuild";

/**
 * Whether a script certainly has no default export. Where that cannot be told (CommonJS, mistakes in the source) the answer is
 * no, and importing it will tell.
 */
export async function lacksDefaultExport(path: string): Promise<boolean> {
  try {
    const { metafile } = await build({
      entryPoints: [path],
      bundle: false,
      write: false,
      metafile: true,
      format: "esm",
      outfile: "exports.js", // never written
      tsconfigRaw: {},
      logLevel: "silent",
    });
    const isCommonJs = Object.values(metafile.inputs).some(({ format }) => format === "cjs");
    const exported = Object.values(metafile.outputs).flatMap(({ exports }) => exports);
    return !isCommonJs && !exported.includes("default");
  } catch {
    return false;
  }
}
