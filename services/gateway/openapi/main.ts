/** `npm run openapi`: writes the committed copy of the API's document. */
import { writeFile } from "node:fs/promises";
import { format } from "prettier";
import { describeGateway } from "./document.ts";

const target = new URL("../../../docs/openapi.json", import.meta.url);
await writeFile(target, await format(JSON.stringify(await describeGateway()), { parser: "json" }));
