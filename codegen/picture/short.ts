/**
 * Names as a picture can hold them: shortened in the middle, where paths differ least. The whole name is in the tooltip.
 *
 *   shortName("model.encoder. ... .attention.query.w")     model.encoder.bl…tion.query.w
 */

/** What a box holds without being the widest of all: three times the usual parameter's path. */
export const longestName = 48;

/** At most `most` characters; none is cut in two. */
export function shortName(name: string, most: number = longestName): string {
  if (name.length <= most) return name;
  const characters = [...name];
  if (characters.length <= most) return name;
  const tail = Math.floor((most - 1) / 2);
  return `${characters.slice(0, most - 1 - tail).join("")}…${characters.slice(characters.length - tail).join("")}`;
}
