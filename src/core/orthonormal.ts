/** Orthonormal vectors out of random ones: what an orthogonal initializer starts a matrix with. */

/**
 * Makes the `count` vectors of `length` numbers in `vectors` orthonormal, one after the other, each by what it has that those before it
 * have not (modified Gram-Schmidt). A vector that loses most of itself is gone through again, as its rounding errors are no more
 * small beside what is left: twice is enough (Kahan; in Parlett, The Symmetric Eigenvalue Problem, 1980). `count` <= `length`.
 */
export function orthonormalize(vectors: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const vector = vectors.subarray(i * length, (i + 1) * length);
    let before = norm(vector);
    for (let round = 0; round < 2; round++) {
      for (let j = 0; j < i; j++) subtractProjection(vector, vectors.subarray(j * length, (j + 1) * length));
      const left = norm(vector);
      if (left > 0.7 * before) break;
      before = left;
    }
    const size = norm(vector);
    for (let k = 0; k < length; k++) vector[k] = (vector[k] ?? 0) / size;
  }
}

/** Takes away from `vector` what lies along `unit`. */
function subtractProjection(vector: Float64Array, unit: Float64Array): void {
  let along = 0;
  for (let k = 0; k < vector.length; k++) along += (vector[k] ?? 0) * (unit[k] ?? 0);
  for (let k = 0; k < vector.length; k++) vector[k] = (vector[k] ?? 0) - along * (unit[k] ?? 0);
}

function norm(vector: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < vector.length; k++) sum += (vector[k] ?? 0) ** 2;
  return Math.sqrt(sum);
}
