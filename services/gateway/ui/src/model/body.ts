/** What a function answered, as something that can be shown; never as HTML. */

/** How much of an answer is shown; all of it can be downloaded. Bytes. */
export const SHOWN_BYTES = 256 * 1024;

export interface ShownBody {
  kind: "empty" | "json" | "text" | "binary";
  /** Empty for what is empty or binary. */
  text: string;
  isCut: boolean;
}

/** Decides by the bytes: what a function says about its type need not be true. */
export function showBody(body: Uint8Array, contentType: string): ShownBody {
  if (body.length === 0) {
    return { kind: "empty", text: "", isCut: false };
  }
  const isCut = body.length > SHOWN_BYTES;
  const text = decode(body.subarray(0, SHOWN_BYTES), isCut);
  if (text === undefined) {
    return { kind: "binary", text: "", isCut };
  }
  const pretty = isCut ? undefined : prettyJson(text, contentType);
  return pretty === undefined
    ? { kind: "text", text, isCut }
    : { kind: "json", text: pretty, isCut };
}

/** Undefined for what is no UTF-8 text. A character that the cut went through is left out. */
function decode(bytes: Uint8Array, isCut: boolean): string | undefined {
  if (bytes.includes(0)) {
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}

function prettyJson(text: string, contentType: string): string | undefined {
  const looksLikeJson = /json/i.test(contentType) || /^\s*[[{]/.test(text);
  if (!looksLikeJson) {
    return undefined;
  }
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return undefined;
  }
}

/** Name for the file of a download: the function's, with an ending by type. */
export function fileName(name: string, contentType: string): string {
  const subtype = /^\w+\/(?:[-\w.]+\+)?([\w-]+)/.exec(contentType)?.[1] ?? "";
  const endings: Readonly<Record<string, string>> = {
    plain: "txt",
    javascript: "js",
    "octet-stream": "bin",
    "": "bin",
  };
  return `${name}.${endings[subtype] ?? subtype}`;
}
