/** The version of this package: what was measured with another is measured anew. A test holds it to package.json. */
export const version = "0.1.0";
