/**
 * The pad: digits drawn with a mouse, a finger or a pen, or by keyboard with a pen that the arrow keys move.
 */
import { byId, contextOf } from "./dom.ts";
import { asDigit } from "./ink.ts";
import { drawDigit } from "./pictures.ts";

/** The width of a stroke, and how far a key moves the pen, in points of the canvas. */
const [stroke, stride] = [22, 14];

const moves: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-stride, 0],
  ArrowRight: [stride, 0],
  ArrowUp: [0, -stride],
  ArrowDown: [0, stride],
};

export class Pad {
  readonly #canvas: HTMLCanvasElement;
  readonly #pen: HTMLElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #changed: (digit: Uint8Array | null) => void;
  #last: readonly [x: number, y: number] | null = null;
  #key = { x: 140, y: 60, isDown: false };
  #isDue = false;

  /** `changed` is told of what is on the pad, once a frame at most. */
  constructor(canvas: HTMLCanvasElement, frame: HTMLElement, changed: (digit: Uint8Array | null) => void) {
    const pen = byId("pen", HTMLElement);
    this.#canvas = canvas;
    this.#pen = pen;
    this.#changed = changed;
    this.#context = contextOf(canvas, { willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#last = this.#placeOf(event);
      this.#to(this.#last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.#last === null) return;
      // Some browsers have no events between two frames.
      const between = "getCoalescedEvents" in event ? event.getCoalescedEvents() : [];
      for (const part of [...between, event]) this.#to(this.#placeOf(part));
    });
    for (const end of ["pointerup", "pointercancel"] as const) canvas.addEventListener(end, () => (this.#last = null));
    frame.addEventListener("keydown", (event) => this.#press(event));
    frame.addEventListener("focus", () => this.#showPen(frame.matches(":focus-visible")));
    frame.addEventListener("blur", () => this.#showPen(false));
  }

  clear(): void {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#key.isDown = false;
    this.#last = null;
    this.#tell();
  }

  /** An image of the data in place of a drawing; it is not centred anew. */
  show(digit: Uint8Array): void {
    this.clear();
    this.#isDue = false;
    drawDigit(this.#canvas, digit);
    this.#changed(digit);
  }

  #placeOf({ clientX, clientY }: PointerEvent): readonly [number, number] {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) * this.#canvas.width) / width, ((clientY - top) * this.#canvas.height) / height];
  }

  #to(place: readonly [x: number, y: number]): void {
    const from = this.#last ?? place;
    const context = this.#context;
    context.lineWidth = stroke;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...place);
    context.stroke();
    this.#last = place;
    this.#tell();
  }

  #press(event: KeyboardEvent): void {
    const { width, height } = this.#canvas;
    const move = moves[event.key];
    if (move !== undefined) {
      const from = [this.#key.x, this.#key.y] as const;
      this.#key.x = Math.max(stroke, Math.min(width - stroke, this.#key.x + move[0]));
      this.#key.y = Math.max(stroke, Math.min(height - stroke, this.#key.y + move[1]));
      if (this.#key.isDown) {
        this.#last = from;
        this.#to([this.#key.x, this.#key.y]);
        this.#last = null;
      }
    } else if (event.key === " ") {
      this.#key.isDown = !this.#key.isDown;
      if (this.#key.isDown) this.#to([this.#key.x, this.#key.y]);
      this.#last = null;
    } else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.#showPen(true);
  }

  #showPen(isShown: boolean): void {
    const { x, y, isDown } = this.#key;
    this.#pen.hidden = !isShown;
    this.#pen.style.left = `${(100 * x) / this.#canvas.width}%`;
    this.#pen.style.top = `${(100 * y) / this.#canvas.height}%`;
    this.#pen.classList.toggle("down", isDown);
  }

  #tell(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      if (!this.#isDue) return; // something was shown meanwhile
      this.#isDue = false;
      const { width, height } = this.#canvas;
      const { data } = this.#context.getImageData(0, 0, width, height);
      this.#changed(asDigit({ width, height, ink: data.filter((_, i) => i % 4 === 3) }));
    });
  }
}
