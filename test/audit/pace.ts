/** How long things take in an audit, milliseconds. */

/** The shortest and the longest time. */
export type Span = readonly [number, number];

export interface Pace {
  /** Silence after which the queue gives a call to another worker. */
  leaseMs: number;
  /** Length of faults that end before a lease does, and of those that outlast one. */
  short: Span;
  long: Span;
  /** Over which the calls of one fault are spread. */
  spreadMs: number;
  /** Before the balance is drawn while nothing is broken. */
  quietMs: number;
}

export const USUAL_PACE: Pace = {
  leaseMs: 3000,
  short: [500, 2500],
  long: [3500, 6000],
  spreadMs: 2500,
  quietMs: 1500,
};

/** For the tests: the same, in less time. */
export const SHORT_PACE: Pace = {
  leaseMs: 3000,
  short: [300, 800],
  long: [3200, 4000],
  spreadMs: 1200,
  quietMs: 300,
};
