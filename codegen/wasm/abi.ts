/**
 * What a WebAssembly module of ours and its runtime agree on: memory, imports, exports.
 *
 *   memory    control block | state | arena | inputs and outputs per entry | panels, one set a thread
 *   imports   env.memory, env.mod(x, y): the remainder of f32 with the sign of the divisor
 *             env.clock(thread, mark), where threads are to be timed: the call of index n begins at mark 2 n and ends at 2 n + 1,
 *             where waiting begins; a run ends at twice the number of calls
 *   exports   run(thread) -> 0, or 1 after a failure    the whole sequence; every thread calls it, and returns when all are done
 *             step0(thread), step1(thread, t), ...      a launch or a copy each, without a barrier; t: iterations of loops around it
 */

export const importNames = { module: "env", memory: "memory", mod: "mod", clock: "clock" } as const;

/** The export that runs the step of this id alone. */
export function stepName(id: number): string {
  return `step${id}`;
}

/** In pages of `pageBytes`: the most that a memory with 32-bit addresses can have. */
export const mostPages = 65_536;
export const pageBytes = 65_536;

/** How a module declares the memory that it imports: so that whatever memory the runtime has made fits. */
export function importedMemory(shared: boolean): {
  readonly min: number;
  readonly max?: number;
  readonly shared: boolean;
} {
  return shared ? { min: 1, max: mostPages, shared } : { min: 1, shared };
}

// ---- the control block ---------------------------------------------------------------------------------------------

/**
 * Byte offsets of the i32 words through which threads meet, each on a cache line of its own. See barrier.ts for how they are
 * used inside a step, and src/runtime/wasm/worker.ts for between steps.
 */
export const control = {
  /** Threads that have come to the barrier. */
  arrived: 0,
  /** Counts barriers passed: whoever waits, waits for it to change. */
  generation: 64,
  /** Changes whenever there is something to do for the workers: they wait for that. */
  command: 128,
  /** Counts runs started. */
  runs: 192,
  /** Which entry the latest run is of. */
  entry: 256,
  /** Counts messages sent: a worker that has had fewer goes back to its event loop. */
  mail: 320,
  /** Not 0 once a thread is dead or late, see `failure`: everybody gives up. */
  failed: 384,
  /** How long a barrier waits, in milliseconds, while no heartbeat changes. */
  deadlineMs: 448,
  /** How often a thread looks before it sleeps: at a barrier, and a worker between runs. Set once, so on one line. */
  barrierLooks: 452,
  idleLooks: 456,
  /** What was wrong: a length in bytes, and UTF-8. */
  error: 512,
  /** Thread t counts its signs of life at `heartbeat + 64 t`. */
  heartbeat: 1024,
} as const;

/** Values of the word `failed`: what the first thread that gave up saw. */
export const failure = { none: 0, late: 1, thrown: 2 } as const;

/** Longest text at `error`, in bytes. */
export const errorBytes = control.heartbeat - control.error - 4;

export const maxThreads = 64;

/**
 * How often threads look for each other before they sleep, where each can have a processor to itself: 0.1 ms at a barrier and
 * 0.7 ms between runs (a look takes 0.5 ns in a module, 33 ns in JavaScript, Node 20), in which a host gathers a batch. Sleeping
 * and waking cost 13 us on a quiet machine, and several times that on a virtual one with neighbours: there a training step of
 * 784-512-10 on 2 threads takes 0.94 of the time that it takes with `crowdedLooks`, and the same on a quiet one.
 */
export const patientLooks = { barrier: 200_000, idle: 20_000 } as const;

/** Where threads share processors, each look is time taken from the thread that is waited for: 4 threads on 2 processors. */
export const crowdedLooks = { barrier: 20_000, idle: 3_000 } as const;

/** Bytes of the control block, at address 0. */
export const controlBytes = control.heartbeat + 64 * maxThreads;
