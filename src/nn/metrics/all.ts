/** All metrics that have a name, by it. A new one is a line here. */
export { accuracy, binaryAccuracy, categoricalAccuracy } from "./accuracy.ts";
export { meanAbsoluteError, meanSquaredError } from "./errors.ts";
