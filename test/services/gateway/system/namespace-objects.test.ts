/** Namespaces between the REST API and Kubernetes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  refuseReserved,
  type StoredNamespace,
  toFunctionNamespace,
  toNamespacePatch,
  toNewNamespace,
} from "../../../../services/gateway/system/namespace-objects.ts";

type Values = Record<string, string>;

const RESTRICTED = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
  "pod-security.kubernetes.io/audit": "restricted",
};

const toFields = (values: Values): Record<string, object> =>
  Object.fromEntries(Object.keys(values).map((key) => [`f:${key}`, {}]));

/** What the API server would store when these writers wrote these labels and annotations. */
function stored(
  writers: Record<string, { labels?: Values; annotations?: Values }>,
): StoredNamespace {
  const all = Object.values(writers);
  return {
    metadata: {
      name: "dev",
      resourceVersion: "7",
      labels: Object.assign({}, ...all.map(({ labels }) => labels)) as Values,
      annotations: Object.assign({}, ...all.map(({ annotations }) => annotations)) as Values,
      managedFields: Object.entries(writers).map(([manager, { labels, annotations }]) => ({
        manager,
        fieldsV1: {
          "f:metadata": {
            "f:labels": { ".": {}, ...toFields(labels ?? {}) },
            "f:annotations": { ".": {}, ...toFields(annotations ?? {}) },
          },
        },
      })),
    },
  };
}

const MARK = { openfaas: "1" };
const PLACES = { functionNamespace: "openfaas-fn", platformNamespace: "openfaas" };
const SYSTEM = {
  "kube-apiserver": { labels: { "kubernetes.io/metadata.name": "dev" } },
  "plonk-operator": { labels: RESTRICTED, annotations: { "plonk/prepared": "1" } },
};

describe("toNewNamespace", () => {
  test("adds the Pod Security labels, whatever was sent", () => {
    const sent = { name: "dev", labels: { ...MARK, team: "a" }, annotations: { note: " \u00fc " } };
    expect(toNewNamespace(sent, PLACES)).toEqual({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: {
        name: "dev",
        labels: { ...MARK, team: "a", ...RESTRICTED },
        annotations: { note: " \u00fc " },
      },
    });
  });

  test("is fine with the mark in either place, and with nothing else", () => {
    for (const sent of [{ labels: MARK }, { annotations: MARK }]) {
      expect(toNewNamespace({ name: "dev", ...sent }, PLACES)).toMatchObject({
        metadata: { name: "dev" },
      });
    }
  });

  test.each(["kube-mine", "openfaas"])("refuses the name %s", (name) => {
    expect(() => toNewNamespace({ name, labels: MARK }, PLACES)).toThrow(
      `name: expected none of Kubernetes' or the platform's own, got ${name}`,
    );
  });

  test.each([[{}], [{ labels: { openfaas: "true" } }], [{ annotations: { openfaas: "0" } }]])(
    "refuses %j, which is not marked",
    (sent) => {
      expect(() => toNewNamespace({ name: "dev", ...sent }, PLACES)).toThrow(
        'labels, annotations: expected openfaas: "1" in one of them, got none',
      );
    },
  );
});

describe("refuseReserved", () => {
  test.each([
    "pod-security.kubernetes.io/enforce",
    "kubernetes.io/metadata.name",
    "plonk/prepared",
    "plonk/allow-override",
    "pulumi.com/patchForce",
    "a.pulumi.com/x",
  ])("refuses %s", (key) => {
    expect(() => refuseReserved({ labels: { a: "1", [key]: "x" } })).toThrow(
      `labels: expected none of the platform's keys, got ${key}`,
    );
    expect(() => refuseReserved({ annotations: { [key]: "x" } })).toThrow(
      `annotations: expected none of the platform's keys, got ${key}`,
    );
  });

  test("leaves everything else to its owner", () => {
    const labels = {
      "app.kubernetes.io/part-of": "shop",
      "notplonk/x": "1",
      "pulumi.community/x": "",
    };
    expect(() => refuseReserved({ labels })).not.toThrow();
  });
});

describe("toFunctionNamespace", () => {
  test("shows what was sent byte for byte, and nothing of the platform's or Kubernetes'", () => {
    const sent = {
      labels: { ...MARK, "app.kubernetes.io/part-of": "shop" },
      annotations: { ...MARK, note: " \u00fc\n" },
    };
    expect(toFunctionNamespace(stored({ ...SYSTEM, "plonk-gateway": sent }))).toEqual({
      name: "dev",
      ...sent,
    });
  });

  test("shows what others wrote, unless it is a tool's own", () => {
    const kubectl = {
      labels: { team: "a", "app.kubernetes.io/managed-by": "helm" },
      annotations: {
        ...MARK,
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "pulumi.com/x": "y",
      },
    };
    expect(toFunctionNamespace(stored({ ...SYSTEM, kubectl }))).toEqual({
      name: "dev",
      labels: { team: "a" },
      annotations: MARK,
    });
  });

  test("leaves out what is empty", () => {
    const shown = toFunctionNamespace(stored({ ...SYSTEM, "plonk-gateway": { labels: MARK } }));
    expect(shown).toEqual({ name: "dev", labels: MARK });
  });

  test("shows again whatever may be sent", () => {
    const key = fc.stringMatching(/^[a-z]([-a-z0-9.]{0,10}[a-z0-9])?(\/[a-z0-9]{1,8})?$/);
    const values = fc.dictionary(key, fc.string());
    fc.assert(
      fc.property(values, values, (labels, annotations) => {
        const sent = { labels: { ...labels, ...MARK }, annotations: { ...annotations, ...MARK } };
        expect(toFunctionNamespace(stored({ ...SYSTEM, "plonk-gateway": sent }))).toEqual({
          name: "dev",
          ...sent,
        });
      }),
    );
  });
});

describe("toNamespacePatch", () => {
  const gateway = { labels: { ...MARK, old: "1", ...RESTRICTED }, annotations: { note: "x" } };

  test("drops what the REST API wrote before, and keeps the mark and Pod Security", () => {
    const patch = toNamespacePatch(stored({ ...SYSTEM, "plonk-gateway": gateway }), {
      labels: { team: "b" },
    });
    expect(patch).toEqual({
      metadata: {
        resourceVersion: "7",
        labels: { openfaas: null, old: null, team: "b" },
        annotations: { note: null, openfaas: "1" },
      },
    });
  });

  test("does not touch what others wrote", () => {
    const kubectl = { labels: { team: "a" }, annotations: MARK };
    const patch = toNamespacePatch(stored({ ...SYSTEM, kubectl }), { labels: { openfaas: "1" } });
    expect(patch).toEqual({
      metadata: { resourceVersion: "7", labels: { openfaas: "1" }, annotations: {} },
    });
  });

  test("refuses another value for what somebody else set, and names the one who did", () => {
    const kubectl = { labels: { team: "a" } };
    const namespace = stored({ ...SYSTEM, "kubectl-label": kubectl });
    expect(() => toNamespacePatch(namespace, { labels: { team: "b" } })).toThrow(
      "labels: team of namespace dev was set by kubectl-label: change it there",
    );
    expect(toNamespacePatch(namespace, { labels: { team: "a", ...MARK } })).toMatchObject({
      metadata: { labels: { team: "a" } },
    });
  });
});
