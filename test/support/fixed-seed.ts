/** Property tests take the same cases each time; a random campaign is a command of its own. */
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_128 });
