/**
 * What `fit` knows a dataset by. Without the operations of one (dataset.ts), so that a page which trains on arrays does not load them.
 */
import type { Cursor, Pass, Stage } from "./cursor.ts";
import type { Table } from "./table.ts";

export abstract class AnyDataset<out T> implements Stage<T> {
  /** How many elements each one is of: null where they are single ones. */
  abstract readonly batchSize: number | null;
  /** Of batches: how many single elements an epoch has in all, where that is known. */
  abstract readonly samples: number | null;
  /** How many elements an epoch has: Infinity where it has no end, null where only reading tells. */
  abstract readonly size: number | null;
  /** The table in memory that all elements are rows of, or batches of rows, as far as that is known. */
  abstract readonly table: Table<unknown> | null;
  abstract open(pass: Pass): Cursor<T>;
  /** `size` elements put together. */
  abstract batch(size: number): AnyDataset<unknown>;
}
