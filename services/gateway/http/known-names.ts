/** What is learnt once about a header by its name as it was spelled: clients use few spellings. */

/** At most so many names, of at most this length, are remembered. */
const MAX_NAMES = 1000;
const MAX_LENGTH = 64;

/** Returns `learn` with a memory. What throws is not remembered. */
export function rememberByName<T>(learn: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const remembered = known.get(name);
    if (remembered !== undefined) {
      return remembered;
    }
    const learnt = learn(name);
    if (known.size < MAX_NAMES && name.length <= MAX_LENGTH) {
      // A copy: a part of a head would keep all of it.
      known.set(Buffer.from(name).toString(), learnt);
    }
    return learnt;
  };
}
