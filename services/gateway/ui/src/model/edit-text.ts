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
  const before = text.slice(from, end).split("\n");
  const after = before.map((line) => (isBack ? line.replace(/^ {1,2}/, "") : INDENT + line));
  const firstChange = (after[0]?.length ?? 0) - (before[0]?.length ?? 0);
  const joined = after.join("\n");
  return {
    text: text.slice(0, from) + joined + text.slice(end),
    start: Math.max(from, start + firstChange),
    end: from + joined.length,
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
