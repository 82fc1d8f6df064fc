/** House style as lint errors (measures from the style guide), and the import table of the architecture. */
import { readdirSync } from "node:fs";
import pulumi from "@pulumi/eslint-plugin";
import jest from "eslint-plugin-jest";
import importSort from "eslint-plugin-simple-import-sort";
import tseslint from "typescript-eslint";

const OUTSIDE_SERVICES = ["components/", "toolchain/", "standins/", "stacks/", "test/"];
const SERVICES = ["gateway", "operator", "queue-worker", "watchdog"];

/** What is outside the services, and the services that this one (or `lib`) is not. */
function outsideOf(service) {
  const others = SERVICES.filter((other) => other !== service);
  return [...OUTSIDE_SERVICES, `\\.\\./(${others.join("|")})/`];
}

/** Within the gateway, `http/guard` has one door. */
const OUTSIDE_GATEWAY = ["guard/(?!index\\.ts$)", ...outsideOf("gateway")];

/**
 * The gateway's floors, top down: a file imports from its own folder, from those below it, and
 * `errors.ts`, on which all stand.
 */
const GATEWAY_FLOORS = ["system", "calls", "upstream", "auth", "cluster", "http"];

/** floor -> what it must not import from: the floors above it, and the files of the top. */
const gatewayFloors = Object.fromEntries(
  GATEWAY_FLOORS.map((floor, index) => [
    `services/gateway/${floor}/**/*.ts`,
    [
      ...OUTSIDE_GATEWAY,
      ...GATEWAY_FLOORS.slice(0, index).map((above) => `\\.\\./${above}/`),
      "\\.\\./(app|config|front-server|main)\\.ts",
    ],
  ]),
);

const OUTSIDE_STANDINS = ["components/", "stacks/", "test/", "services/", "cli/", "scripts/"];

const OUTSIDE_OPERATOR = outsideOf("operator");
const CONTROLLERS = readdirSync(new URL("services/operator/controllers", import.meta.url));

/**
 * The operator's floors: the top above the controllers, which know nothing of each other, and those
 * above `kubernetes/`.
 */
const operatorFloors = {
  "services/operator/kubernetes/**/*.ts": [
    ...OUTSIDE_OPERATOR,
    "\\.\\./controllers/",
    "\\.\\./[^/]+\\.ts$",
  ],
  ...Object.fromEntries(
    CONTROLLERS.map((controller) => [
      `services/operator/controllers/${controller}/**/*.ts`,
      [
        ...OUTSIDE_OPERATOR,
        ...CONTROLLERS.filter((it) => it !== controller).map((other) => `\\.\\./${other}/`),
        "\\.\\./(app|config|main)\\.ts",
      ],
    ]),
  ),
};

const OUTSIDE_COMPONENTS = [
  "services/",
  "toolchain/",
  "standins/",
  "stacks/",
  "test/",
  "bench/",
  "examples/",
];

/** The parts of a platform, and functions: they know nothing of each other. */
const PARTS = ["function", "gateway", "monitoring", "operator", "queue"];

/** folder of components -> what it must not import from; only `platform` imports its siblings. */
const componentFolders = Object.fromEntries(
  [...PARTS, "cluster", "kubernetes"].map((folder) => [
    `components/${folder}/**/*.ts`,
    [
      ...OUTSIDE_COMPONENTS,
      ...[...PARTS, "platform", ...(folder === "cluster" ? ["kubernetes"] : [])]
        .filter((sibling) => sibling !== folder)
        .map((sibling) => `\\.\\./${sibling}/`),
    ],
  ]),
);

/** folder -> top-level folders it must not import from. */
const forbidden = {
  "stacks/**/*.ts": ["services/", "standins/", "test/", "bench/"],
  "components/**/*.ts": OUTSIDE_COMPONENTS,
  ...componentFolders,
  "contract/*.ts": ["\\.\\./"],
  "contract/*/**/*.ts": ["\\.\\./\\.\\./"],
  "services/lib/**/*.ts": outsideOf("lib"),
  "services/gateway/**/*.ts": OUTSIDE_GATEWAY,
  ...gatewayFloors,
  "services/gateway/http/guard/**/*.ts": ["^\\.\\./(?!\\.\\./\\.\\./lib/)"],
  // What the page takes from the contract are types: it is no part of the page.
  "services/gateway/ui/**/*.{ts,tsx}": [...outsideOf("gateway"), "services/lib/", "\\.\\./lib/"],
  "services/operator/**/*.ts": OUTSIDE_OPERATOR,
  ...operatorFloors,
  "services/queue-worker/**/*.ts": outsideOf("queue-worker"),
  "services/watchdog/**/*.ts": outsideOf("watchdog"),
  "toolchain/**/*.ts": [
    "components/",
    "stacks/",
    "test/",
    "services/",
    "cli/",
    "scripts/",
    "standins/(pulumi|provider)-",
  ],
  // Builds use what `acquire` stands on (locks, digests, layers), never `acquire` itself.
  "standins/from-source/**/*.ts": [
    ...OUTSIDE_STANDINS,
    "toolchain/(acquire|artifacts|catalogue|connectivity|progress|run-command|tool)\\b",
    "\\.\\./(pulumi|provider)-",
  ],
  "standins/pulumi-*/**/*.ts": [...OUTSIDE_STANDINS, "toolchain/", "from-source/"],
  "standins/provider-protocol/**/*.ts": [
    ...OUTSIDE_STANDINS,
    "toolchain/",
    "standins/",
    "from-source/",
    "pulumi-",
  ],
  "plugin/**/*.ts": [...OUTSIDE_COMPONENTS, "cli/", "scripts/"],
  "cli/**/*.ts": ["components/", "stacks/", "test/", "services/", "scripts/"],
};

/** One wording of errors. */
const WORDING = {
  selector: "Literal[value=/: must\\b/], TemplateElement[value.cooked=/: must\\b/]",
  message: "Errors say `field: expected …, got …`.",
};

export default tseslint.config(
  { ignores: ["node_modules/", "dist/", "coverage/", "test/components/fixtures/broken.js"] },
  {
    files: ["**/*.ts", "**/*.tsx"],
    plugins: { imports: importSort },
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      complexity: ["error", 10],
      curly: ["error", "all"],
      // Node's modules, then packages, then our own, the nearest last; no blank lines between.
      "imports/imports": [
        "error",
        { groups: [["^\\u0000", "^node:", "^@?\\w", "^\\.\\.", "^\\./"]] },
      ],
      "imports/exports": "error",
      "max-depth": ["error", 3],
      "max-len": [
        "error",
        {
          code: 100,
          ignoreUrls: true,
          ignoreStrings: true,
          ignoreTemplateLiterals: true,
          ignoreRegExpLiterals: true,
        },
      ],
      "max-lines": ["error", 350],
      "max-lines-per-function": ["error", { max: 80 }],
      "max-nested-callbacks": ["error", 4],
      "max-params": ["error", 3],
      "@typescript-eslint/explicit-function-return-type": ["error", { allowExpressions: true }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["components/**/*.ts", "stacks/**/*.ts"],
    plugins: { "@pulumi": pulumi },
    rules: {
      "@pulumi/no-output-in-template-literal": "error",
      "@pulumi/no-output-instance-in-template-literal": "off",
    },
  },
  ...Object.entries(forbidden).map(([files, folders]) => ({
    files: [files],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: folders.map((folder) => ({
            regex: `^\\.{1,2}/.*${folder}|^${folder}`,
            message: "The import table of docs/architecture.md forbids this.",
          })),
        },
      ],
    },
  })),
  {
    files: ["**/*.ts", "**/*.tsx"],
    // What recipes say is an input of their builds: other words would build all tools anew.
    ignores: ["test/**", "bench/**", "standins/from-source/recipes/**"],
    rules: { "no-restricted-syntax": ["error", WORDING] },
  },
  {
    files: ["services/gateway/**/*.ts"],
    ignores: ["services/gateway/errors.ts", "services/gateway/ui/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        WORDING,
        {
          selector: "Literal[value=/^PLONK_/], TemplateElement[value.cooked=/^PLONK_/]",
          message: "Codes of errors are in services/gateway/errors.ts, each once.",
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    extends: [jest.configs["flat/recommended"]],
    rules: {
      "max-lines-per-function": "off",
      "max-nested-callbacks": "off",
      "@typescript-eslint/explicit-function-return-type": "off",
      "jest/expect-expect": "off",
      "jest/no-conditional-expect": "off",
      "jest/no-standalone-expect": "off",
    },
  },
  {
    // Suites that share one running stack, or browser, are imported by the test file that starts it.
    files: ["test/e2e/*/*.ts", "test/integration/gateway/ui/*.ts"],
    rules: { "jest/no-export": "off" },
  },
);
