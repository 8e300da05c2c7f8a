/**
 * Where the digits come from: drawn here, MNIST from the server (files beside the page, listed in data.json), or four files that the
 * visitor picks. Nothing leaves the browser.
 */
import { type ImageSet, mnistFrom, Pixels, syntheticDigits } from "tensorloom";
import type { OwnFiles, Plan } from "./protocol.ts";

/** As many as a phone draws in two seconds. */
const drawn = { train: 20_000, test: 2_000 } as const;

/** More than MNIST's largest file has unpacked: a gzip bomb stops here. */
const mostBytes = 1 << 27;

/** MNIST's files, by what `mnistFrom` calls them. */
const names = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;
type FileName = keyof typeof names;
const fileNames: readonly FileName[] = ["trainImages", "trainLabels", "testImages", "testLabels"];

/** What data.json says: the server's files by what they are, or null where it has none. */
export type ServedFiles = Readonly<Record<FileName, string>> | null;

/** Images to train and to test on. An error says what is wrong with a file. */
export async function loadDigits(
  { digits, images, seed }: Pick<Plan, "digits" | "images" | "seed">,
  files: OwnFiles,
): Promise<ImageSet> {
  if (digits === "drawn") {
    const train = images ?? drawn.train;
    return syntheticDigits({ seed, train, test: Math.min(drawn.test, train) });
  }
  return firstOf(digits === "served" ? await served() : await own(files), images);
}

async function served(): Promise<ImageSet> {
  const listed: ServedFiles = await (await fetched("./data.json")).json();
  if (listed === null) throw new Error("this server has no MNIST files: see docs/browser.md for how to give it some");
  return imageSet("this server's files", async (name) => (await fetched(listed[name])).arrayBuffer());
}

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be fetched: the server answered ${response.status}`);
  return response;
}

/** Files are told apart by their names, which may have ".gz" behind and "." in place of "-". */
async function own(files: OwnFiles): Promise<ImageSet> {
  return imageSet("your files", async (name) => {
    const wanted = names[name];
    const file = files.find((found) => found.name.replace(/\.gz$/, "").replace(".idx", "-idx") === wanted);
    if (file !== undefined) return file.arrayBuffer();
    const given = files.length === 0 ? "no file was picked" : `picked: ${files.map((found) => found.name).join(", ")}`;
    throw new Error(
      `${wanted} (or ${wanted}.gz) is missing; MNIST is four files: ${Object.values(names).join(", ")} (${given})`,
    );
  });
}

async function imageSet(origin: string, read: (name: FileName) => Promise<ArrayBuffer>): Promise<ImageSet> {
  const contents = await Promise.all(
    fileNames.map(async (name) => unpacked(names[name], new Uint8Array(await read(name)))),
  );
  const [trainImages, trainLabels, testImages, testLabels] = contents;
  if (trainImages === undefined || trainLabels === undefined || testImages === undefined || testLabels === undefined)
    throw new Error("MNIST is four files");
  return mnistFrom({ trainImages, trainLabels, testImages, testLabels, origin });
}

/** The bytes as they are, or what they unpack to. */
async function unpacked(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > mostBytes) throw new Error(`it unpacks to more than ${mostBytes} bytes`);
      parts.push(part.value);
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: the gzip file is truncated or corrupt (${why}); get the file again`);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The first images to train on; those to test on stay. */
function firstOf(set: ImageSet, images: number | null): ImageSet {
  if (images === null || images >= set.train.count) return set;
  const { train } = set;
  const first = {
    images: new Pixels(train.images.buffer, train.images.byteOffset, 784 * images),
    labels: train.labels.subarray(0, images),
    count: images,
  };
  return { ...set, train: { ...train, ...first } };
}
