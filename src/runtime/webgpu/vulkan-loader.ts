/**
 * Whether Linux has a Vulkan loader, which Dawn needs (Node only).
 *
 * Asked before Dawn is: without a loader Dawn prints a warning with a line of its own source, and finds no GPU anyway.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const library = "libvulkan.so.1";
/** Where the dynamic loader looks besides its cache and LD_LIBRARY_PATH. */
const folders = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

export function hasVulkanLoader(): boolean {
  const asked = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "");
  return [...asked, ...folders].some((folder) => existsSync(join(folder, library))) || isInCache();
}

/** The loader's cache names every library it knows, as plain text among other bytes. */
function isInCache(): boolean {
  try {
    return readFileSync("/etc/ld.so.cache").includes(library);
  } catch {
    return false; // no cache on this system
  }
}
