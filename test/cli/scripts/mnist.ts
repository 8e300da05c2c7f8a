import { rmsprop } from "tensorloom";
import { mnistStep } from "../../mnist-step.ts";

export default mnistStep(rmsprop());

export function main(): void {
  throw new Error("main must not be called");
}
