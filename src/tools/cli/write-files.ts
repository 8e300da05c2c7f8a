/** What a command writes into a folder, which is made if need be. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { makeFolder } from "../../io/folder.ts";

export async function writeFiles(folder: string, files: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  try {
    makeFolder(folder);
    for (const [name, content] of files) await writeFile(join(folder, name), content);
  } catch (error) {
    throw new UserError(`could not write to ${folder}: ${messageOf(error)}`);
  }
}
