/** `npm run openapi`: writes the committed copy of the API's document. */
import { writeFile } from "node:fs/promises";
import { describeGateway } from "./document.ts";
import { COPY, render } from "./render.ts";

await writeFile(COPY, await render(await describeGateway()));
