/**
 * Vitest's setup: property tests draw the same cases in every run. Fresh ones are what `npm run fuzz` is for.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: 971 });
