/** What goes wrong in a worker, by the address it is loaded with; a dataset as fromWorker knows one. */
import { workerData } from "node:worker_threads";

const mode = new URL(workerData.url).searchParams.get("mode");
if (mode === "exitsAtLoad") process.exit(3);

const large = Buffer.alloc(9000, 7);
const kinds = [new Map([[1, 2]]), new Date(5), large, [new Float32Array([1]), "a"]];

async function element(i) {
  if (mode === "kinds") return { x: kinds[i] };
  if (i === 2) {
    if (mode === "throws") throw new Error("the third");
    if (mode === "throwsNull") throw null;
    if (mode === "throwsOdd") throw { message: () => 1, name: Symbol("odd") };
    if (mode === "notCloneable") return { x: () => 1 };
    if (mode === "exits") process.exit(5);
    if (mode === "failsBeside") {
      setTimeout(() => {
        throw null;
      }, 50);
      await new Promise(() => {});
    }
  }
  return { x: new Float32Array([i]) };
}

async function* elements(from) {
  for (let i = from; i < 4; i++) {
    await new Promise((done) => setTimeout(done, 20));
    yield await element(i);
  }
}

export default { size: 4, batchSize: null, samples: null, iterate: (_, from) => elements(from) };
