/**
 * What a function of the form `(event, context)` is called with: the interface of OpenFaaS' Node
 * template, as Plonk's runtime keeps it.
 */

/** A call. */
export interface FunctionEvent {
  /**
   * JSON parsed, a form as an object, other text as a string, the rest as a Buffer; always a Buffer
   * with `RAW_BODY=true` in the environment.
   */
  body: unknown;
  /** By names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** The HTTP method. */
  method: string;
  /** What follows the function's name, `/` where nothing does. */
  path: string;
  /** Parameters that come more than once as lists. */
  query: Record<string, string | string[]>;
}

/** The answer, for handlers that set more than a body; setters return the context. */
export interface FunctionContext {
  /** The HTTP status so far. @default 200 */
  status(): number;
  status(code: number): this;
  /** The headers set so far. */
  headers(): Record<string, string | string[]>;
  /** Sets headers beside those set so far. */
  headers(values: Record<string, string | string[]>): this;
  /** Answers with the value; the first of succeed, fail and the returned value counts. */
  succeed(value?: unknown): this;
  /** Answers with the value, of an Error its text, and with status 500 where none is set. */
  fail(value?: unknown): this;
}

/**
 * It returns the answer's body, or a promise of it: text; bytes (`Buffer`, `ArrayBuffer`, a view, a
 * `Blob`); a stream of bytes (Node's, the web's or an async iterable), which is sent as it comes; a
 * `Response`; any other value is sent as JSON. A returned Error counts as thrown.
 *
 * Properties that are undefined or functions are left out, and NaN is null, as in all JSON. A value
 * of which JSON would say nothing, at whatever depth, is 500, and the log names its place: a
 * symbol, a BigInt, a Map, a Set, a Promise that nobody awaits, a function in a list, a stream,
 * bytes other than a Buffer, and an object of the platform that would be `{}`, such as a Response
 * or an Error. `toJSON` counts.
 */
export type FunctionHandler = (event: FunctionEvent, context: FunctionContext) => unknown;
