/** JavaScript as a tree, read by acorn and not run. */
import { type Node, type Options, parse } from "acorn";

/** A part of a text; acorn's own types leave the fields of most kinds out. */
export interface SyntaxNode {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

/** Undefined for a text that acorn does not know. */
export function tryParse(
  text: string,
  options: Omit<Options, "ecmaVersion"> = {},
): SyntaxNode | undefined {
  try {
    const program: Node = parse(text, { ...options, ecmaVersion: "latest" });
    return program as unknown as SyntaxNode;
  } catch {
    return undefined;
  }
}

/** Those of the values, and of the lists among them, that are parts of a tree. */
export function partsOf(values: readonly unknown[]): SyntaxNode[] {
  return values
    .flat()
    .filter((value) => typeof (value as Partial<SyntaxNode> | null)?.type === "string")
    .map((value) => value as SyntaxNode);
}
