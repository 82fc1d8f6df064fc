/** Marks programs with a custom environment as part of the test run. */

/**
 * For the environment of a program that does not inherit this one. By this variable a run finds
 * its programs, and ends them when it is stopped.
 */
export function runMark(): Record<string, string> {
  const { PLONK_RUN } = process.env;
  return PLONK_RUN === undefined ? {} : { PLONK_RUN };
}
