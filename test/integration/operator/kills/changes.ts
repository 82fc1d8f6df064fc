/** Changes of what is declared, and of what the operator has made, each with its name. */
import { resourcePath } from "../../../../services/lib/kubernetes.ts";
import { pick, type Random } from "../../../audit/random.ts";
import type { TestCluster } from "../cluster.ts";
import { type Declared, type Functions, IMAGE, NOWHERE } from "./declared.ts";
import { BROKEN } from "./world.ts";

export const NAMESPACE = "openfaas-fn";

/** One that functions may have. */
export const PROFILE = "tolerant";

const BUDGETS = { group: "policy", plural: "poddisruptionbudgets" };

/** One function that is changed. */
export interface Changing {
  cluster: TestCluster;
  functions: Functions;
  name: string;
  /** Differs from change to change. */
  serial: number;
}

/** Declares another spec. */
function declare(toSpec: (before: Declared, changing: Changing) => Partial<Declared>) {
  return async (changing: Changing): Promise<void> => {
    const { cluster, functions, name } = changing;
    const before = functions.get(name) ?? { spec: {}, replicas: 1 };
    const declared = { ...before, ...toSpec(before, changing) };
    functions.set(name, declared);
    await cluster.applyFunction(name, declared.spec);
  };
}

async function remove({ cluster, functions, name }: Changing): Promise<void> {
  functions.delete(name);
  await cluster.delete({ group: "openfaas.com", plural: "functions", namespace: NAMESPACE, name });
}

const create = declare((_before, { serial }) => ({
  spec: { image: toImage(serial) },
  replicas: 1,
  uid: undefined,
}));

/** Has somebody else delete what the operator made. */
function deleteObject(plural: string, group?: string) {
  return async ({ cluster, functions, name }: Changing): Promise<void> => {
    const declared = functions.get(name);
    if (plural === "deployments" && declared !== undefined) {
      declared.uid = undefined;
    }
    const kind = { ...(group !== undefined && { group }), plural };
    await cluster.delete({ ...kind, namespace: NAMESPACE, name });
  };
}

/** Somebody adds a variable to the pods. */
async function addVariable({ cluster, name }: Changing): Promise<void> {
  const path = resourcePath({ group: "apps", plural: "deployments", namespace: NAMESPACE, name });
  const env = [{ name: "DRIFT", value: "1" }];
  const body = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: NAMESPACE },
    spec: { template: { spec: { containers: [{ name, env }] } } },
  };
  await cluster.client.apply(path, body, { fieldManager: "somebody", force: false });
}

/** Somebody opens the Service to all nodes. */
async function openService({ cluster, name }: Changing): Promise<void> {
  const path = resourcePath({ plural: "services", namespace: NAMESPACE, name });
  await cluster.client.mergePatch(path, { spec: { type: "NodePort" } }, "somebody");
}

/** Somebody lets no pod be taken away. */
async function closeBudget({ cluster, name }: Changing): Promise<void> {
  const path = resourcePath({ ...BUDGETS, namespace: NAMESPACE, name });
  await cluster.client.mergePatch(path, { spec: { maxUnavailable: 0 } }, "somebody");
}

async function addCode({ cluster, functions, name, serial }: Changing): Promise<void> {
  const configMap = `${name}-${serial}`;
  await cluster.applyCode(configMap, name);
  const change = declare(({ spec }) => ({ spec: { ...spec, code: { configMap } } }));
  await change({ cluster, functions, name, serial });
}

async function scale({ cluster, functions, name, serial }: Changing): Promise<void> {
  const declared = functions.get(name);
  if (declared !== undefined) {
    declared.replicas = serial % 4;
    await cluster.scale(name, declared.replicas);
  }
}

function toImage(serial: number): string {
  return IMAGE.replace(/\d+$/, String(serial));
}

const remake = async (changing: Changing): Promise<void> => {
  await remove(changing);
  await create(changing);
};

const CHANGES = {
  image: declare(({ spec }, { serial }) => ({ spec: { ...spec, image: toImage(serial) } })),
  variable: declare(({ spec }, { serial }) => ({
    spec: { ...spec, environment: { ROUND: String(serial) } },
  })),
  label: declare(({ spec }, { serial }) => ({ spec: { ...spec, labels: { round: `${serial}` } } })),
  limit: declare(({ spec }, { serial }) => ({
    spec: { ...spec, limits: { memory: `${64 + (serial % 64)}Mi` } },
  })),
  profile: declare(({ spec: { annotations, ...spec } }) => ({
    spec: { ...spec, ...(!annotations && { annotations: { "com.openfaas.profile": PROFILE } }) },
  })),
  code: addCode,
  scale,
  remove,
  remake,
  create,
  /** A Secret that is not there holds up the change. */
  hold: declare(({ spec }, { serial }) => ({
    spec: { ...spec, image: toImage(serial), secrets: [NOWHERE] },
  })),
  /** Pods of another image never run. */
  breakImage: declare(({ spec }, { serial }) => ({
    spec: { ...spec, image: toImage(serial), labels: { [BROKEN]: "yes" } },
  })),
  heal: declare(({ spec: { code, environment } }, { serial }) => ({
    spec: { image: toImage(serial), ...(code && { code }), ...(environment && { environment }) },
  })),
  addVariable,
  deleteDeployment: deleteObject("deployments", "apps"),
  deleteService: deleteObject("services"),
  openService,
  /** Only several pods have a budget. */
  deleteBudget: deleteObject(BUDGETS.plural, BUDGETS.group),
  closeBudget,
} satisfies Record<string, (changing: Changing) => Promise<void>>;

export type ChangeName = keyof typeof CHANGES;

/** Those that may leave a function with fewer pods that serve: others go on until new ones do. */
export const TAKING: ReadonlySet<ChangeName> = new Set<ChangeName>([
  "create",
  "remove",
  "remake",
  "scale",
  "deleteDeployment",
]);

/** Of what runs. */
const USUAL = (Object.keys(CHANGES) as ChangeName[]).filter(
  (name) => !/^(create|heal)$/.test(name),
);

/** Without pods none of them is broken, and one alone has no budget. */
const FEWEST_PODS: Partial<Record<ChangeName, number>> = {
  breakImage: 1,
  deleteBudget: 2,
  closeBudget: 2,
};

/** One that makes sense for what is declared now. */
export function chooseChange(random: Random, declared: Declared | undefined): ChangeName {
  if (declared === undefined) {
    return "create";
  }
  const { spec, replicas } = declared;
  if (spec.secrets !== undefined || spec.labels?.[BROKEN] !== undefined) {
    return pick(random, ["heal", "heal", "remove"]);
  }
  return pick(
    random,
    USUAL.filter((name) => replicas >= (FEWEST_PODS[name] ?? 0)),
  );
}

export async function change(name: ChangeName, changing: Changing): Promise<void> {
  await CHANGES[name](changing);
}
