/** Folders that are made where they are missing. */
import * as fs from "node:fs";
import * as path from "node:path";
import { makeFolderBy } from "../core/make-folder.ts";

/** Makes a folder and what is missing above it. Throws what Node does where that cannot be. */
export function makeFolder(folder: string): void {
  makeFolderBy(fs, path, folder);
}
