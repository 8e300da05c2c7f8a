/**
 * How arguments are divided among devices, in the words of Shardy: axes of a mesh, and for each axis of a value the axis of the
 * mesh that divides it.
 *
 *   sdy.mesh @mesh = <["data"=4, "model"=2]>
 *   %x: tensor<128x784xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]>}
 *
 * Sharding the batch alone makes XLA train data-parallel: it puts one all-reduce, of the loss and all gradients, before the updates.
 */
import { UserError } from "../../src/core/errors.ts";
import type { Argument, Sharding } from "./module.ts";

export interface MeshAxis {
  readonly name: string;
  readonly size: number;
}

/** For each axis of a value the axis of the mesh that divides it, or null. */
export type Division = readonly (string | null)[];

/** The division of each argument; a result is divided as the argument that it is the next value of, and outputs are whole. */
export function shardy(mesh: readonly MeshAxis[], divisionOf: (place: Argument) => Division): Sharding {
  const sizes = new Map(mesh.map(({ name, size }) => [name, size]));
  const axes = mesh.map(({ name, size }) => `"${name}"=${size}`).join(", ");
  return {
    head: [`sdy.mesh @mesh = <[${axes}]>`],
    devices: mesh.reduce((all, { size }) => all * size, 1),
    of(place) {
      const division = divisionOf(place);
      division.forEach((axis, i) => {
        const [size, extent] = [sizes.get(axis ?? "") ?? 1, place.shape[i] ?? 1];
        if (extent % size === 0) return;
        throw new UserError(
          `${place.kind} ${place.name}: axis ${i} has ${extent} elements, which ${size} devices along "${axis}" cannot share evenly`,
        );
      });
      const parts = place.shape.map((_, i) => (division[i] == null ? "{}" : `{"${division[i]}"}`));
      return `sdy.sharding = #sdy.sharding<@mesh, [${parts.join(", ")}]>`;
    },
  };
}
