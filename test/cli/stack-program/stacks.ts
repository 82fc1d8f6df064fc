/** Stack files that are worth a look. */

interface Stack {
  name: string;
  text: string;
  variables: Record<string, string>;
  /** Namespaces and names of what is in it. */
  functions: string[];
}

const HEAD = "version: 1.0\nprovider: { name: openfaas, gateway: http://127.0.0.1:8080 }\n";

export const STACKS: readonly Stack[] = [
  {
    name: "all fields",
    variables: { TAG: "1.2", EMPTY: "" },
    functions: ["dev/full", "openfaas-fn/small"],
    text: `${HEAD}
configuration: { copy: [./common], templates: [{ name: node22 }] }
functions:
  full:
    lang: node22
    handler: ./full
    build_args: { A: b }
    build_options: [dev]
    image: \${REGISTRY:-example}/full:\${TAG}
    fprocess: cat -n
    namespace: dev
    environment:
      MODE: loud
      LEVEL: 012
      QUOTES: 'say "hi"'
      BOTH: "it's \\"both\\""
      LINES: |
        one
        two \${TAG}
      BACKTICK: "\`\$\${A}\`"
      NOTHING:
      DEFAULTED: \${EMPTY:-\${MISSING:-"10s"}}
      EMPTY: "\${EMPTY}"
    environment_file: ["env/first.yml", ./env/second.yml, "env/\${STAGE:-prod}.yml"]
    secrets: [api-key, another-key]
    constraints: [kubernetes.io/arch=arm64]
    labels: { com.openfaas.scale.min: 2, com.openfaas.scale.max: 6 }
    annotations: { topic: "words.new,words.old", "\${KEY:-own}-key": "1" }
    limits: { memory: 128Mi, cpu: "\${CPU:-500m}" }
    requests: { memory: 32Mi }
    readonly_root_filesystem: \${READONLY:-yes}
  small: { image: "x:1" }
`,
  },
  {
    name: "names that need care",
    variables: { platform: "p", config: "c", STAGE: "blue" },
    functions: [
      ...["class", "config", "f-blue", "new", "platform", "pulumi", "urls"],
      ...["a-1", "a1", "function"],
      "a-function-whose-name-is-as-long-as-the-name-of-a-service-may-x",
    ]
      .map((name) => `openfaas-fn/${name}`)
      .sort(),
    text: `${HEAD}
functions:
  class: { image: "x:\${platform}" }
  config: { image: "x:\${config}" }
  new: { image: "x:\${platform:-other}" }
  platform: { image: x }
  pulumi: { image: x }
  urls: { image: x }
  function: { image: x }
  a-1: { image: x }
  a1: { image: x }
  f-\${STAGE}: { image: x }
  a-function-whose-name-is-as-long-as-the-name-of-a-service-may-x: { image: x }
`,
  },
  {
    name: "anchors, and merges",
    variables: {},
    functions: ["openfaas-fn/a", "openfaas-fn/b"],
    text: `${HEAD}
functions:
  a: &a
    image: ghcr.io/openfaas/alpine:latest
    environment: &e { A: "1", B: "2" }
  b:
    <<: *a
    environment: { <<: *e, B: "3" }
`,
  },
];
