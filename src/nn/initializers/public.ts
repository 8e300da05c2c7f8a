/** `initializers`: every one under Keras's name in camelCase. Functions of a shape, and those that take options and give one. */
export { glorotNormal, glorotUniform, heNormal, heUniform, lecunNormal, lecunUniform, ones, zeros } from "../../dsl/initializers.ts"; // biome-ignore format: names
export {
  constant,
  type IdentityStart,
  identity,
  type NormalStart,
  type OrthogonalStart,
  orthogonal,
  randomNormal,
  randomUniform,
  type ScalingStart,
  type StartingValues,
  truncatedNormal,
  type UniformStart,
  varianceScaling,
} from "./makers.ts";
