/**
 * A reporter of jest's that writes what `stages.ts` reads. The report of `--json` holds the values
 * that failed tests compared, and cannot be written where one of them holds itself.
 */
import { writeFileSync } from "node:fs";

/** Names the report's file to the process that jest runs in. */
export const REPORT_FILE = "PLONK_JEST_REPORT";

interface Counts {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
}

export interface AssertionResult {
  fullName: string;
  status: string;
  /** Milliseconds. */
  duration?: number | null;
  failureMessages: string[];
}

export interface JestReport extends Counts {
  testResults: {
    name: string;
    /** Jest's message about all failures in the file. */
    message: string;
    assertionResults: AssertionResult[];
  }[];
}

/** What is used of what jest knows at its end (jest's `AggregatedResult`). */
interface JestResults extends Counts {
  testResults: {
    testFilePath: string;
    failureMessage?: string | null;
    testResults: AssertionResult[];
  }[];
}

export default class ReportWriter {
  onRunComplete(_contexts: unknown, results: JestResults): void {
    writeFileSync(process.env[REPORT_FILE] ?? "", JSON.stringify(toReport(results)));
  }
}

function toReport({ testResults, ...results }: JestResults): JestReport {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = results;
  return {
    ...{ numPassedTests, numFailedTests, numPendingTests, numTodoTests },
    numRuntimeErrorTestSuites: results.numRuntimeErrorTestSuites,
    testResults: testResults.map((file) => ({
      name: file.testFilePath,
      message: file.failureMessage ?? "",
      assertionResults: file.testResults.map(
        ({ fullName, status, duration = null, failureMessages }) => ({
          ...{ fullName, status, duration, failureMessages },
        }),
      ),
    })),
  };
}
