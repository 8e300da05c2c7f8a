const missing: { readonly size?: number } = {};
if (missing.size === undefined) throw new RangeError("the size is missing");
export default missing;
