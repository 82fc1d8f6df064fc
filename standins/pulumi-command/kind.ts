/** The operations of the plugin on resources of one type. */
import type {
  CheckFailure,
  CreateRequest,
  CreateResult,
  DeleteRequest,
  UpdateRequest,
} from "../provider-protocol/provider.ts";
import type { PropertyMap } from "../provider-protocol/values.ts";
import type { Commands } from "./commands.ts";

export interface Kind {
  /** Validates the inputs. */
  check(inputs: PropertyMap): CheckFailure[];
  /** Inputs with defaults. */
  complete(inputs: PropertyMap): PropertyMap;
  create(request: CreateRequest): Promise<CreateResult>;
  update(request: UpdateRequest): Promise<PropertyMap>;
  /** Absent if there is nothing to do. */
  delete?(request: DeleteRequest): Promise<void>;
}

/** The kind of a command, wherever it runs. */
export function toCommandKind(
  commands: Commands,
  { check, complete }: Pick<Kind, "check" | "complete">,
): Kind {
  return {
    check,
    complete,
    create: (request) => commands.create(request),
    update: (request) => commands.update(request),
    delete: (request) => commands.delete(request),
  };
}
