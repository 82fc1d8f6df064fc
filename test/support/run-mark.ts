/** Ties programs with an environment of their own to the run that they are part of. */

/**
 * For the environment of a program that does not inherit this one. By this variable a run finds
 * what it has started, and ends it when somebody ends the run.
 */
export function runMark(): Record<string, string> {
  const { PLONK_RUN } = process.env;
  return PLONK_RUN === undefined ? {} : { PLONK_RUN };
}
