/** All regularizers that have a config, by its kind. A new one is a line here. */
export { l1l2Schema as l1l2 } from "./penalties.ts";
