/** A script that runs a step on three threads and forgets to dispose of the machine. See threads.test.ts. */
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { fakeEntry, rotations } from "./fake-entry.ts";

const machine = new WasmMachine(400, { threads: 3 });
const runner = await machine.prepare(fakeEntry("train", 100, rotations(3), machine.crew));
runner.run();
console.log(machine.device);
