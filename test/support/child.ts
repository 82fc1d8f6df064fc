/** Programs that end with whoever started them, also when that one is killed. */

/**
 * What to start in the place of a program: the kernel kills it when its parent ends. It keeps the
 * pid that it is started with, as `setpriv` becomes the program.
 */
export function withParent(
  program: string,
  args: readonly string[],
): [program: string, args: string[]] {
  return ["setpriv", ["--pdeathsig", "KILL", "--", program, ...args]];
}
