/**
 * The form: what is trained, and where. An address can fill it in: `?network=cnn&place=js&digits=drawn&images=2000&epochs=1&batch=64&seed=3`;
 * `&start` starts at once, and `&lose` shows a button that loses the GPU's device.
 */
import { byId, make } from "./dom.ts";
import type { DigitsName, NetworkName, Place, PlaceExam, Plan } from "./protocol.ts";

const networkNames: readonly NetworkName[] = ["mlp", "cnn"];
const placeNames: readonly Place[] = ["auto", "wgsl", "threads", "wasm", "js"];
const digitsNames: readonly DigitsName[] = ["served", "drawn", "own"];

const placeTitles: Readonly<Record<PlaceExam["place"], string>> = {
  wgsl: "WebGPU",
  threads: "WebAssembly, threads",
  wasm: "WebAssembly, one thread",
  js: "JavaScript",
};

const defaults = {
  network: "mlp",
  digits: "drawn",
  place: "auto",
  epochs: "5",
  images: "",
  batch: "128",
  seed: "1",
} as const;
type FieldName = keyof typeof defaults;
const fieldNames: readonly FieldName[] = ["network", "digits", "place", "epochs", "images", "batch", "seed"];

export interface Asked {
  /** Whether the training is to start without a click. */
  readonly start: boolean;
  /** Whether there is to be a button that loses the GPU. */
  readonly lose: boolean;
}

export class PlanForm {
  readonly network = byId("network", HTMLSelectElement);
  readonly digits = byId("digits", HTMLSelectElement);
  readonly place = byId("place", HTMLSelectElement);
  readonly epochs = byId("epochs", HTMLInputElement);
  readonly images = byId("images", HTMLInputElement);
  readonly batch = byId("batch", HTMLInputElement);
  readonly seed = byId("seed", HTMLInputElement);

  /** Fills itself in. What the address says that a field does not take is passed over. */
  fillIn(address: string, hasServed: boolean): Asked {
    const asked = new URL(address).searchParams;
    const served = optionOf(this.digits, "served");
    if (!hasServed) served.remove();
    for (const name of fieldNames) {
      const field = this[name];
      field.value = name === "digits" && hasServed ? "served" : defaults[name];
      const before = field.value;
      const wanted = asked.get(name);
      if (wanted === null) continue;
      field.value = wanted;
      if (field.value !== wanted || !field.checkValidity()) field.value = before;
    }
    return { start: asked.has("start"), lose: asked.has("lose") };
  }

  /** What it says. Its numbers were checked by the browser. */
  get plan(): Plan {
    const whole = (field: HTMLInputElement): number => Math.trunc(Number(field.value));
    return {
      network: networkNames.find((name) => name === this.network.value) ?? "mlp",
      digits: digitsNames.find((name) => name === this.digits.value) ?? "drawn",
      images: this.images.value === "" ? null : whole(this.images),
      epochs: whole(this.epochs),
      batch: whole(this.batch),
      seed: whole(this.seed),
    };
  }

  get placeName(): Place {
    return placeNames.find((name) => name === this.place.value) ?? "auto";
  }

  /** What does not work here cannot be chosen, and says why. Told again by each worker. */
  showPlaces(exams: readonly PlaceExam[]): void {
    byId("places", HTMLElement).replaceChildren();
    for (const { place, works, detail } of exams) {
      const option = optionOf(this.place, place);
      const name = placeTitles[place];
      const text = works ? `${name}: ${detail}` : `${name} does not work here: ${detail}`;
      byId("places", HTMLElement).append(make("li", { text }));
      option.disabled = !works;
      const count = place === "threads" ? /\d+ threads/.exec(detail)?.[0] : undefined;
      option.text = works ? (count === undefined ? name : `WebAssembly, ${count}`) : `${name} (not here)`;
      if (!works && this.place.value === place) this.place.value = "auto";
    }
  }
}

function optionOf(select: HTMLSelectElement, value: string): HTMLOptionElement {
  const found = [...select.options].find((option) => option.value === value);
  if (found === undefined) throw new Error(`${select.id} has no option ${value}`);
  return found;
}
