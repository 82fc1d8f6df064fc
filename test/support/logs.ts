/** A logger that keeps its lines, so that a test can read them. */
import { createLogger, type Logger } from "../../services/lib/logger.ts";

export interface KeptLog {
  logger: Logger;
  /** All lines so far. */
  text: () => string;
}

export function createKeptLog(level = "trace"): KeptLog {
  const lines: string[] = [];
  const destination = {
    write: (line: string): void => {
      lines.push(line);
    },
  };
  return {
    logger: createLogger({ name: "test", level, destination }),
    text: () => lines.join(""),
  };
}
