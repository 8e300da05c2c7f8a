/** mnist.ts with another width, and another optimizer. */
import { sgd } from "tensorloom";
import { mnistStep } from "../../mnist-step.ts";

export default mnistStep(sgd(), 256);
