/**
 * For who runs somebody else's script, and wants a profile of whatever it compiles (`tensorloom run --profile`): what stands under this
 * name in the global object is told of each executable before anybody else has it, whichever copy of the library made it.
 */
import type { ProfileOptions, RunningProfile } from "./profile.ts";

const hookName: unique symbol = Symbol.for("tensorloom.profile");

/** Given what begins a profile. It is waited for. */
export type ProfileHook = (begin: (options: ProfileOptions) => Promise<RunningProfile>) => Promise<void>;

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
