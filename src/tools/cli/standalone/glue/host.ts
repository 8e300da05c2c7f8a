/** Programs whose memory JavaScript can see: calls are done when they return. */
import { decode, encode } from "./safetensors.ts";
import { type Entry, nameOf, type State, type Values, viewOf } from "./slots.ts";
import { inputValues, stateValues, valueIn } from "./values.ts";

/** An entry as a function from its inputs to its outputs. */
export function entryCall(entry: Entry, input: ArrayBuffer, output: ArrayBuffer, run: () => void) {
  const fed = entry.inputs.map((slot) => ({ slot, view: viewOf(slot, input) }));
  const made = entry.outputs.map((slot) => ({ slot, view: viewOf(slot, output) }));
  return (inputs: unknown = {}): unknown => {
    for (const { slot, view } of fed) view.set(inputValues(inputs, slot, entry));
    run();
    return entry.result(made.map(({ slot, view }) => valueIn(view, slot)));
  };
}

/** The states, by name. `start`: the file that they begin with. */
export function hostState(slots: readonly State[], memory: ArrayBuffer, start: Uint8Array | ArrayBuffer) {
  const found = new Map(slots.map((slot) => [nameOf(slot), { slot, view: viewOf(slot, memory) }]));
  const find = (name: string): { readonly slot: State; readonly view: Values } => {
    const state = found.get(name);
    if (state === undefined) throw new TypeError(`there is no state "${name}"`);
    return state;
  };
  const state = {
    names: [...found.keys()],
    read: (name: string): Values => find(name).view.slice(),
    write(name: string, values: unknown): void {
      const { slot, view } = find(name);
      view.set(stateValues(values, slot));
    },
    save: (): Uint8Array =>
      encode(
        slots,
        [...found.values()].map(({ view }) => view),
      ),
    load(file: Uint8Array | ArrayBuffer): void {
      for (const [i, values] of decode(file, slots).entries()) find(state.names[i] ?? "").view.set(values);
    },
  };
  state.load(start);
  return state;
}
