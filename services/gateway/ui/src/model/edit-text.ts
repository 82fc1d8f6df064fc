/** Keys of a text area for code: Tab indents, Enter keeps the indentation. */

export interface TextEdit {
  text: string;
  start: number;
  end: number;
}

const INDENT = "  ";

/** The text after Tab or, with `isBack`, Shift+Tab: whole lines where more than one is marked. */
export function indent({ text, start, end }: TextEdit, isBack: boolean): TextEdit {
  const isOneLine = !text.slice(start, end).includes("\n");
  if (isOneLine && !isBack) {
    const at = start + INDENT.length;
    return { text: text.slice(0, start) + INDENT + text.slice(end), start: at, end: at };
  }
  const from = lineStart(text, start);
  const to = lineEnd(text, end);
  const before = text.slice(from, to).split("\n");
  const after = before.map((line) => (isBack ? line.replace(/^ {1,2}/, "") : INDENT + line));
  const joined = after.join("\n");
  const firstChange = (after[0]?.length ?? 0) - (before[0]?.length ?? 0);
  const first = Math.max(from, start + firstChange);
  return {
    text: text.slice(0, from) + joined + text.slice(to),
    start: first,
    end: Math.max(first, end + joined.length - (to - from)),
  };
}

/** The text after Enter, one step deeper behind an opening bracket. */
export function breakLine({ text, start, end }: TextEdit): TextEdit {
  const line = text.slice(lineStart(text, start), start);
  const deeper = /[{[(]\s*$/.test(line) ? INDENT : "";
  const inserted = `\n${/^ */.exec(line)?.[0] ?? ""}${deeper}`;
  const at = start + inserted.length;
  return { text: text.slice(0, start) + inserted + text.slice(end), start: at, end: at };
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const found = text.indexOf("\n", at);
  return found === -1 ? text.length : found;
}
