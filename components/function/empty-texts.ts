/** Arguments that decide what there is, and say nothing when they are empty. */
import { Type } from "typebox";
import { dropEmptyFields } from "../../contract/index.ts";

const Text = Type.Optional(Type.String());

/** Those that are optional in the REST API, too; names are not. */
const Texts = Type.Object({ namespace: Text, code: Text, image: Text, fprocess: Text });

/** `args` without those that are known to be empty, by the rule of the REST API. */
export function dropEmptyTexts<T extends object>(args: T): T {
  return dropEmptyFields(Texts, args);
}
