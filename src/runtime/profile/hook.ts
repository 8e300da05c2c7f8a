/**
 * For who runs somebody else's script, and wants a profile of whatever it compiles (`tensorloom run --profile`): what stands under this
 * name in the global object is told of each executable before anybody else has it, whichever copy of the library made it.
 */
import type { Program } from "../../dsl/program.ts";
import type { Entry } from "../../graph/entry.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import type { ProfileOptions, RunningProfile } from "./profile.ts";

const hookName: unique symbol = Symbol.for("tensorloom.profile");

export interface ProfileHook {
  /** What the nodes of a program are called, and by them its kernels. */
  naming(program: Pick<Program<unknown>, "entries">): (entry: Entry) => NodeNames;
  /** Given what begins a profile of an executable. It is waited for. */
  made(begin: (options: ProfileOptions) => Promise<RunningProfile>): Promise<void>;
}

interface Hooked {
  [hookName]?: ProfileHook | undefined;
}

export function profileHook(): ProfileHook | undefined {
  return (globalThis as Hooked)[hookName];
}

/** Null takes it away. */
export function setProfileHook(hook: ProfileHook | null): void {
  (globalThis as Hooked)[hookName] = hook ?? undefined;
}
