/** What a drawn digit is taken for: a sentence, and a bar for each digit. */
import { make, percent } from "./dom.ts";

const nothingDrawn = "Draw with the mouse, a finger or a pen.";
const noNetwork = "Start the training: there is no network yet.";

export class Answer {
  readonly #sentence: HTMLElement;
  readonly #rows: readonly {
    readonly row: HTMLElement;
    readonly meter: HTMLMeterElement;
    readonly share: HTMLElement;
  }[];

  constructor(sentence: HTMLElement, list: HTMLElement) {
    this.#sentence = sentence;
    this.#rows = Array.from({ length: 10 }, (_, digit) => {
      const meter = make("meter");
      meter.setAttribute("aria-label", `${digit}`);
      const share = make("span");
      const row = make("li", {}, make("span", { text: String(digit) }), meter, share);
      list.append(row);
      return { row, meter, share };
    });
  }

  /** Null: there is no network, or nothing drawn. */
  show(probabilities: readonly number[] | null, isDrawn: boolean): void {
    const most = probabilities?.reduce((best, value, digit) => (value > (probabilities[best] ?? 0) ? digit : best), 0);
    for (const [digit, { row, meter, share }] of this.#rows.entries()) {
      const probability = probabilities?.[digit];
      meter.value = probability ?? 0;
      share.textContent = probability === undefined ? "" : percent(probability);
      row.classList.toggle("most", digit === most);
    }
    const sure = most === undefined ? 0 : (probabilities?.[most] ?? 0);
    const sentence =
      most === undefined ? (isDrawn ? noNetwork : nothingDrawn) : `${sure > 0.8 ? "This is" : "Perhaps"} a ${most}.`;
    if (this.#sentence.textContent !== sentence) this.#sentence.textContent = sentence; // said aloud where it changes
  }
}
