/** Numbers for people. */
export { bytesText, flopsText } from "../../codegen/picture/units.ts";

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
