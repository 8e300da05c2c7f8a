/** What ops are called: a name more, and `tsc` tells whoever has something to say of each. */

export type MapName =
  | ("add" | "sub" | "mul" | "div" | "pow" | "max" | "min" | "mod" | "neg" | "abs" | "sign")
  | ("exp" | "log" | "log1p" | "expm1" | "sqrt" | "rsqrt" | "sin" | "cos" | "tanh" | "erf" | "floor" | "ceil" | "round")
  | ("eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or" | "not" | "select" | "stopGradient");

export type SourceName = "input" | "state" | "constant" | "iota" | "size" | "random";

export type ViewName = "reshape" | "permute" | "broadcast" | "flip" | "slice" | "pad" | "concat" | "window" | "barrier";

export type GatherName = "oneHot" | "gather" | "takeAlong" | "dynamicSlice" | "dynamicUpdate";

export type ComposedName = "sort" | "putAlong" | "windowSum" | "running" | "scatterAdd";

export type LoopName = "scan" | "whileLoop" | "cond";

/** What composed ops and windows are written in, and no entry before `expand`. */
export type ExpandedName = "mergeRuns" | "searchSorted" | "covering" | "chosen" | "spread" | "runBlock";

/** Ops of entries that are not differentiated yet. */
export type TransformName = "gradient" | "pullback" | "slopedAs" | "withSlopes" | "checkpoint";

/** Ops that are made elsewhere, in no table. */
export type OwnName = `my${string}`;

/** Every op of a specialized entry. A name more, and `tsc` tells whoever has something to say of each. */
export type OpName =
  | SourceName
  | MapName
  | "cast"
  | ViewName
  | GatherName
  | ComposedName
  | LoopName
  | ReduceName
  | BestName
  | "moments"
  | "contract";

export type ReduceName = "sum" | "prod" | "max" | "min";

export type BestName = "maxWithIndex" | "minWithIndex";
