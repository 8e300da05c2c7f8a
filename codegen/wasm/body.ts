/** The bytes of a function's body, with the places in it that a linker fills in. */
import { Bytes } from "./bytes.ts";
import type { Locals } from "./locals.ts";
import type { Code, FunctionRef, Relocation } from "./refs.ts";

export class Body extends Bytes {
  private relocations: Relocation[] = [];
  private calls: { readonly at: number; readonly callee: FunctionRef }[] = [];

  /** The address that comes next is that of a region. */
  relocate(region: Relocation["region"], signed: boolean): void {
    this.relocations.push({ at: this.length, region, signed });
  }

  /** The number that comes next is that of a function. */
  refer(callee: FunctionRef): void {
    this.calls.push({ at: this.length, callee });
  }

  /** What `write` writes goes to an earlier place, and what lies behind that moves on. */
  insert(place: number, write: () => void): void {
    const behind = this.cut(place);
    const [relocations, calls] = [this.relocations, this.calls];
    const isBehind = ({ at }: { readonly at: number }): boolean => at >= place;
    this.relocations = relocations.filter((one) => !isBehind(one));
    this.calls = calls.filter((one) => !isBehind(one));
    write();
    const by = this.length - place;
    this.bytes(behind);
    for (const one of relocations) if (isBehind(one)) this.relocations.push({ ...one, at: one.at + by });
    for (const one of calls) if (isBehind(one)) this.calls.push({ ...one, at: one.at + by });
  }

  /** With its locals before it. */
  finish(locals: Locals): Code {
    const code = new Bytes(this.length + 8);
    locals.declare(code);
    const start = code.length;
    code.bytes(this.view());
    const relocations = this.relocations.map(({ at, region, signed }) => ({ at: start + at, region, signed }));
    const calls = this.calls.map(({ at, callee }) => ({ at: start + at, callee }));
    return { bytes: code.copy(), relocations, calls };
  }
}
