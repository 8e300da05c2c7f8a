/** What there is to do about a loss that is NaN or infinite. */
import { type Kind, oneOf } from "../core/options.ts";

/** End with an error, tell once and go on, or just go on. */
export type OnNaN = "stop" | "warn" | "ignore";
export const onNaNKind: Kind<OnNaN> = oneOf("stop", "warn", "ignore");
