/** Any stack file: its text, the variables in it and the names of its functions. */
import fc from "fast-check";
import { stringify } from "yaml";

interface StackText {
  text: string;
  variables: Record<string, string>;
  names: string[];
}

const name = fc.oneof(
  fc.constantFrom("new", "class", "config", "platform", "urls", "a-b", "a-1", "a1"),
  fc.stringMatching(/^[a-z]([-a-z0-9]{0,60}[a-z0-9])?$/),
);
const variable = fc.constantFrom("TAG", "tag", "config", "platform", "A_LONG_NAME_OF_A_VARIABLE");
const plain = fc.stringMatching(/^[a-z0-9]{1,20}([-.][a-z0-9]{1,20})?$/);

/** Stands for a variable until the rest of the text is escaped. */
const hole = fc
  .tuple(variable, fc.option(fc.tuple(variable, fc.option(plain))))
  .map(([first, rest]) => {
    const fallback = rest === null ? "" : toDefault(rest);
    return `\ue000${first}${fallback}\ue001`;
  });

function toDefault([second, text]: [string, string | null]): string {
  return text === null ? `:-\ue000${second}\ue001` : `:-${text}`;
}

/** With variables in it, where `part` may have them. */
function withHoles(part: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: part },
    { weight: 1, arbitrary: hole },
    { weight: 1, arbitrary: fc.tuple(part, hole, part).map((parts) => parts.join("")) },
  );
}

const anything = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 30 }),
    fc.string({ unit: fc.constantFrom("a", '"', "'", "`", "\\", "$", "{", "}", "\n", "/", "#") }),
    fc.string({ minLength: 60, maxLength: 90 }),
    fc.constantFrom("\u2028", "\u0000a".slice(1), "</script>", "*/", "yes", "null", "~", "0x1"),
  )
  .filter((text) => !/[\0\ue000-\ue00f]/.test(text));
const variableName = fc
  .oneof(
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,20}$/),
    fc.constantFrom("constructor", "1", "a"),
  )
  .filter((text) => text !== "__proto__" && !text.endsWith("_timeout"));

const fn = fc.record(
  {
    image: withHoles(plain),
    lang: plain,
    fprocess: withHoles(plain),
    namespace: fc.constantFrom("dev", "team-a"),
    environment: fc.dictionary(variableName, withHoles(anything), { maxKeys: 5 }),
    environment_file: fc.subarray(["env/first.yml", "env/second.yml"]),
    secrets: fc.array(plain, { maxLength: 4 }),
    constraints: fc.array(
      plain.map((value) => `a.example/b=${value}`),
      { maxLength: 3 },
    ),
    labels: fc.dictionary(plain, withHoles(plain), { maxKeys: 3 }),
    annotations: fc.dictionary(plain, withHoles(anything), { maxKeys: 3 }),
    limits: fc.record({ memory: fc.constantFrom("64Mi", "1Gi") }),
    requests: fc.record({ memory: fc.constantFrom("8Mi"), cpu: fc.constantFrom("1m") }),
    readonly_root_filesystem: fc.constantFrom("true", "no", "on"),
  },
  { requiredKeys: ["image"] },
);

export function stackText(): fc.Arbitrary<StackText> {
  return fc
    .tuple(
      fc.dictionary(name, fn, { minKeys: 1, maxKeys: 3 }),
      fc.record({ TAG: plain, tag: plain, config: plain, A_LONG_NAME_OF_A_VARIABLE: plain }),
      plain,
    )
    .map(([functions, variables, version]) => ({
      text: toText({ provider: { name: "openfaas" }, functions }),
      variables: { ...variables, platform: version },
      names: Object.keys(functions),
    }));
}

/** In quotes all but the flag, so that values are texts; dollars and backslashes doubled. */
function toText(stack: object): string {
  return stringify(stack, { defaultStringType: "QUOTE_DOUBLE", lineWidth: 0 })
    .replaceAll(/(readonly_root_filesystem": )"(\w+)"/g, "$1$2")
    .replaceAll("\\", "\\\\")
    .replaceAll("$", "$$$$")
    .replaceAll("\ue000", "${")
    .replaceAll("\ue001", "}");
}
