/** Digits and weights as pictures. Ink is black on nothing, so that the style sheet can turn it over in the dark. */
import { contextOf, make, percent } from "./dom.ts";
import type { Message, Mistake } from "./protocol.ts";

const side = 28;

/** A digit of 28 x 28 bytes over the whole of a canvas. */
export function drawDigit(canvas: HTMLCanvasElement, digit: Uint8Array): void {
  const small = canvas.width === side ? canvas : make("canvas");
  small.width = small.height = side;
  const image = new ImageData(side, side);
  for (const [at, ink] of digit.entries()) image.data[4 * at + 3] = ink;
  contextOf(small).putImageData(image, 0, 0);
  if (small !== canvas) contextOf(canvas).drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** The worst first: what it is, what it is taken for, and how surely. */
export function showMistakes(list: HTMLElement, mistakes: readonly Mistake[]): void {
  list.replaceChildren(
    ...mistakes.map(({ pixels, label, taken, probability }) => {
      const canvas = make("canvas", { class: "ink" });
      canvas.width = canvas.height = side;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `A ${label}`);
      drawDigit(canvas, pixels);
      const caption = make("span", { text: `${label}, not ` }, make("b", { text: String(taken) }));
      return make("li", {}, canvas, caption, make("span", { class: "weak", text: percent(probability) }));
    }),
  );
}

/** A unit is a small square: orange where ink speaks for it, blue where it speaks against it, by its own largest weight. */
export function showWeights(
  list: HTMLElement,
  { units, of, side: size, values }: Extract<Message, { readonly kind: "weights" }>,
): void {
  while (list.childElementCount > units) list.lastElementChild?.remove();
  while (list.childElementCount < units) list.append(make("canvas"));
  for (const [unit, canvas] of [...list.children].entries()) {
    if (!(canvas instanceof HTMLCanvasElement)) continue;
    if (canvas.width !== size) canvas.width = canvas.height = size;
    drawSigned(canvas, values.subarray(unit * size * size, (unit + 1) * size * size));
  }
  list.setAttribute("aria-label", `Weights of the first layer: ${units} of its ${of} units, ${size} x ${size} each`);
}

function drawSigned(canvas: HTMLCanvasElement, weights: Float32Array): void {
  const image = new ImageData(canvas.width, canvas.height);
  const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 1e-12);
  for (const [at, weight] of weights.entries()) {
    const colour = weight > 0 ? [214, 96, 20] : [38, 112, 205];
    image.data.set([...colour, (255 * Math.abs(weight)) / largest], 4 * at);
  }
  contextOf(canvas).putImageData(image, 0, 0);
}
