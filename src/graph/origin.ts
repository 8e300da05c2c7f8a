/**
 * Where in the user's file a node came from.
 *
 * An origin holds the Error that was made beside the node; its stack becomes text only when somebody prints it, so a graph
 * of thousands of nodes costs no string work.
 */
export interface Origin {
  /** What the user's code called, for messages: "matmul", "softmaxCrossEntropy". */
  readonly call: string;
  readonly trace: Error;
  /** The node belongs to a derivative of what was called: `differentiate` made it. */
  readonly derived?: true;
}

// Frames in these folders are ours; the first frame outside is the user's. Set by where this file itself lies, which a bundle
// that is no module does not know: there all frames count as ours, and no line is named.
const ownFolder = ((import.meta.url as string | undefined) ?? "").replace(/graph\/origin\.[a-z]+$/, "");

/** Remembers the call in progress. Deep enough for composites of composites. */
export function here(call: string): Origin {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 24;
  const trace = new Error(call);
  Error.stackTraceLimit = limit;
  return { call, trace };
}

/** "file:line:column" of the user's frame, or null when there is none (an engine without stacks). */
export function userLine(origin: Origin): string | null {
  const frames = (origin.trace.stack ?? "").split("\n").filter((line) => /^\s*at /.test(line));
  const ownPath = decodeURIComponent(ownFolder.replace(/^file:\/\//, ""));
  for (const frame of frames) {
    if (frame.includes(ownFolder) || frame.includes(ownPath) || frame.includes("node:internal")) continue;
    // "at name (place)" or "at place"; a place may hold spaces and parentheses
    const place = (/ \((.+:\d+:\d+)\)$/.exec(frame) ?? /^\s*at (?:async )?(\S.*:\d+:\d+)$/.exec(frame))?.[1];
    if (place !== undefined) return place.startsWith("file://") ? decodeURIComponent(place.slice(7)) : place;
  }
  return null;
}

/** "\n    at file:line:column", to be put at the end of an error message; empty when unknown. */
export function atLine(origin: Origin | undefined): string {
  const line = origin === undefined ? null : userLine(origin);
  return line === null ? "" : `\n    at ${line}`;
}
