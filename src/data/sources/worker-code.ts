/**
 * The code of a data worker, as text: a worker that is made of text needs no path, neither in a bundle nor in a source tree. It
 * imports the user's module, whose default export is a dataset, and posts elements as they are asked for.
 *
 * Arrays are copied in the worker, and the copies handed over: what the dataset keeps (a cache, say) stays whole.
 */
export const workerCode = `
const { parentPort, workerData } = require("node:worker_threads");
const passes = new Map();
  let data;
const isText = (it) => typeof it === "string";
const text = (error) => {
  try { return isText(error?.message) ? error.message : String(error); } catch { return "it threw " + typeof error; }
};
const told = (error) => ({
  name: isText(error?.name) ? error.name : "Error",
  message: text(error),
  stack: isText(error?.stack) ? error.stack : undefined,
});

import(workerData.url).then(({ default: found }) => {
  if (typeof found?.iterate !== "function") throw new Error("its default export is no dataset: export default dataset(...)");
  data = found;
  const { size, batchSize, samples } = data;
  parentPort.postMessage({ ready: { size, batchSize, samples } });
}).catch((error) => parentPort.postMessage({ failed: told(error) }));

const isPlain = (value) =>
  typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

function packed(value, path, pixels, buffers) {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const copy = Buffer.isBuffer(value) ? new Uint8Array(value) : value.slice(); // a Buffer's slice is no copy
    buffers.push(copy.buffer);
    if (value.constructor.name === "Pixels") pixels.push(path);
    return copy;
  }
  if (Array.isArray(value) && value.some((part) => typeof part === "object" && part !== null))
    return value.map((part, i) => packed(part, [...path, String(i)], pixels, buffers));
  if (!isPlain(value)) return value; // a map, a date: what messages can hold goes as it is
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, packed(part, [...path, name], pixels, buffers)]));
}

async function serve(id, pass) {
  if (pass.isBusy) return;
  pass.isBusy = true;
  try {
    while (pass.credit > 0 && passes.get(id) === pass) {
      pass.credit--;
      const { done, value } = await pass.iterator.next();
      const [pixels, buffers] = [[], []];
      if (done) parentPort.postMessage({ id, done: true });
      else parentPort.postMessage({ id, value: packed(value, [], pixels, buffers), pixels }, buffers);
      if (done) passes.delete(id);
    }
  } catch (error) {
    passes.delete(id);
    parentPort.postMessage({ id, error: told(error) });
  }
  pass.isBusy = false;
}

parentPort.on("message", ({ id, open, more, close }) => {
  if (open) passes.set(id, { iterator: data.iterate(open.epoch, open.from), credit: 0, isBusy: false });
  const pass = passes.get(id);
  if (!pass) return;
  if (close) {
    passes.delete(id);
    pass.iterator.return().catch(() => {});
    return;
  }
  pass.credit += more ?? 0;
  serve(id, pass);
});
`;
