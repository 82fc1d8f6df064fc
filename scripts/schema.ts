/**
 * `npm run schema`: derives the component plugin's schema from the components' types, by which
 * programs in other languages are checked and their libraries generated.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer.js";
import { generateSchema } from "@pulumi/pulumi/provider/experimental/schema.js";
import { format, resolveConfig } from "prettier";
import { COMPONENTS, SCHEMA_FILE } from "../plugin/provider.ts";

const root = join(import.meta.dirname, "..");

/** A property of a component or of one of its types, as TypeScript's compiler sees it. */
interface DocumentedSymbol {
  getJsDocTags(): { name: string; text?: { text: string }[] }[];
}

/** What the analyzer keeps to itself, and leaves out without the two changes below. */
interface AnalyzerParts {
  analyzeSymbols(context: unknown, symbols: DocumentedSymbol[]): unknown;
  analyzeSymbol(context: unknown, symbol: DocumentedSymbol): { description?: string };
}

/** The schema's text, in the tree's own format. It type-checks the components. */
export async function renderSchema(): Promise<string> {
  const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
    description: string;
  };
  const manifest = { name: "plonk", version, main: "index.ts" };
  const names = new Set(Object.keys(COMPONENTS));
  const analyzer = new Analyzer(join(root, "components"), "plonk", manifest, names);
  completeAnalyzer(analyzer as unknown as AnalyzerParts);
  const { components, typeDefinitions, dependencies } = analyzer.analyze();
  const schema = generateSchema(
    "plonk",
    version,
    description,
    components,
    typeDefinitions,
    dependencies,
  );
  const style = await resolveConfig(SCHEMA_FILE);
  return format(JSON.stringify(schema), { ...style, filepath: SCHEMA_FILE });
}

/** Leaves out what is `@internal`, and keeps the defaults, which are in tags of the comments. */
function completeAnalyzer(analyzer: AnalyzerParts): void {
  const analyzeSymbols = analyzer.analyzeSymbols.bind(analyzer);
  const analyzeSymbol = analyzer.analyzeSymbol.bind(analyzer);
  analyzer.analyzeSymbols = (context, symbols) =>
    analyzeSymbols(
      context,
      symbols.filter((symbol) => findTag(symbol, "internal") === undefined),
    );
  analyzer.analyzeSymbol = (context, symbol) => {
    const property = analyzeSymbol(context, symbol);
    const standard = findTag(symbol, "default");
    if (standard !== undefined) {
      property.description = [property.description, `Default: ${standard}.`]
        .filter((part) => part !== undefined && part !== "")
        .join(" ");
    }
    return property;
  };
}

function findTag(symbol: DocumentedSymbol, wanted: string): string | undefined {
  const tag = symbol.getJsDocTags().find(({ name }) => name === wanted);
  return tag && (tag.text ?? []).map(({ text }) => text).join("");
}

export async function writeSchema(): Promise<number> {
  writeFileSync(SCHEMA_FILE, await renderSchema());
  return 0;
}
