/** Runs once in front of all tests of a run. */
import { removeAbandoned } from "./cluster-folder.ts";

export default removeAbandoned;
