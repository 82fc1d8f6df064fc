/** Jest runs the TypeScript sources as they are, on Node's own type stripping. */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: {},
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  testTimeout: 120_000,
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  setupFiles: ["<rootDir>/test/support/plain-stacks.ts", "<rootDir>/test/support/property-runs.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/"],
};
