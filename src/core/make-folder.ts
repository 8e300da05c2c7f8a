/** Folders that are made where they are missing, by the modules of Node that are handed over: browsers load this file too. */

/** Of Node's `fs`. */
interface Fs {
  mkdirSync(path: string): unknown;
  statSync(path: string, options: { readonly throwIfNoEntry: false }): { isDirectory(): boolean } | undefined;
}

/** Of Node's `path`. */
interface Path {
  dirname(path: string): string;
  resolve(path: string): string;
}

/**
 * Makes a folder and what is missing above it. By steps and not by Node's `recursive`, which in Node 20 goes on for ever in places
 * where nothing can be made.
 */
export function makeFolderBy(fs: Fs, path: Path, folder: string): void {
  const isFolder = (place: string): boolean => fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
  const make = (place: string): void => {
    if (isFolder(place)) return;
    const above = path.dirname(place);
    if (above !== place) make(above);
    try {
      fs.mkdirSync(place);
    } catch (error) {
      if (!isFolder(place)) throw error; // another process may have been quicker
    }
  };
  make(path.resolve(folder));
}
