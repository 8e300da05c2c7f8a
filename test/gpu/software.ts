/**
 * A Vulkan driver for machines without a GPU, taken from a package that `npm ci` has already installed.
 *
 * `@sparticuz/chromium` carries Chromium's software driver (SwiftShader) and a Vulkan loader as a brotli-packed tar. They
 * are unpacked once into node_modules/.cache, and a process started with the environment returned here gives Dawn (the
 * `webgpu` package) a real adapter: WGSL is validated, compiled and run on the CPU. A loader reads its environment when
 * the process starts, so the caller must spawn; setting `process.env` is too late.
 *
 *   swiftshader.tar.br -> node_modules/.cache/tensorloom-swiftshader/<version>/ -> { LD_LIBRARY_PATH, VK_ICD_FILENAMES }
 */
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";

/** The environment to spawn with, or why there is none. */
export type SoftwareVulkan =
  | { readonly kind: "ready"; readonly folder: string; readonly env: Readonly<Record<string, string>> }
  | { readonly kind: "missing"; readonly reason: string };

/** Unpacks the driver if that has not been done yet. Never throws: whatever goes wrong is the reason it is missing. */
export async function softwareVulkan(): Promise<SoftwareVulkan> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return {
      kind: "missing",
      reason: `the software driver is for linux x64, this is ${process.platform} ${process.arch}`,
    };
  try {
    const folder = await unpackedDriver();
    const icd = join(folder, icdName);
    const library = process.env.LD_LIBRARY_PATH;
    return {
      kind: "ready",
      folder,
      env: {
        LD_LIBRARY_PATH: library === undefined || library === "" ? folder : folder + delimiter + library,
        VK_ICD_FILENAMES: icd,
        // The newer name of the same setting, which wins where a machine has it set to something else.
        VK_DRIVER_FILES: icd,
      },
    };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { kind: "missing", reason: `the software driver of @sparticuz/chromium could not be unpacked: ${reason}` };
  }
}

/** The regular files of a tar archive (ustar), by name. Throws where the archive is cut short or not one. */
export function untar(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const text = (from: number, length: number): string => {
    const bytes = archive.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)).trim();
  };
  const files = new Map<string, Uint8Array>();
  // One 512-byte header, then the data padded to 512 bytes; a header whose name is empty ends the archive.
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (text(at + 257, 5) !== "ustar" || !(size >= 0)) throw new Error(`not a tar header at byte ${at}`);
    const data = at + 512;
    if (data + size > archive.length) throw new Error(`the archive is cut short at byte ${archive.length}`);
    const kind = text(at + 156, 1);
    if (kind === "0" || kind === "") files.set(text(at, 100), archive.subarray(data, data + size));
    at = data + Math.ceil(size / 512) * 512;
  }
  return files;
}

const icdName = "vk_swiftshader_icd.json";
const wanted = ["libvk_swiftshader.so", "libvulkan.so.1", icdName] as const;

/** The cache folder, complete: it is written under another name and renamed, so it is either whole or not there. */
async function unpackedDriver(): Promise<string> {
  // The package exports only its entry, .../build/cjs/index.cjs; the archive lies beside that.
  const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const root = join(dirname(entry), "..", "..");
  const about: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const version = about !== null && typeof about === "object" && "version" in about ? String(about.version) : "unknown";

  const cache = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/tensorloom-swiftshader");
  const folder = join(cache, version.replace(/[^\w.-]/g, "_"));
  if (await exists(folder)) return folder;

  const files = untar(await promisify(brotliDecompress)(await readFile(join(root, "bin", "swiftshader.tar.br"))));
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(join(cache, ".unpacking-"));
  try {
    for (const name of wanted) {
      const data = files.get(name);
      if (data === undefined) throw new Error(`swiftshader.tar.br of version ${version} has no ${name}`);
      // The driver's path in the .json is relative ("./libvk_swiftshader.so"), which a loader takes from the .json's
      // own folder. An absolute one would be wrong after the rename, and whenever the checkout moves.
      await writeFile(join(temporary, name), data, { mode: 0o755 });
    }
    await chmod(temporary, 0o755);
    await rename(temporary, folder);
  } catch (error) {
    // Another process was first: its folder is as good as ours.
    if (!(await exists(folder))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
