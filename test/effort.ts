/**
 * How much of a large number of random cases the tests try: `npm test` an eighth, at least fifty, `npm run test:all`
 * all of them. TEST_EFFORT=0.5 tries half. Fresh cases for as long as one likes: `npm run fuzz`, `npm run foreign`.
 *
 * Enough for defects put in by hand: of each that random kernels and programs catch, the first property does so within five cases,
 * and nine in ten of all properties that do, within fifty.
 */
export const effort = Number(process.env.TEST_EFFORT ?? 0.125);
if (!(effort > 0 && effort <= 1))
  throw new Error(`TEST_EFFORT must be above 0 and at most 1, not ${process.env.TEST_EFFORT}`);

const least = 50;

export function tried(cases: number): number {
  return Math.max(Math.min(cases, least), Math.ceil(cases * effort));
}
