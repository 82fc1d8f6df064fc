/** A mutating webhook that adds a variable to the containers of all Deployments. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { V1Deployment } from "@kubernetes/client-node";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { Authority } from "../../support/authority.ts";
import type { TestCluster } from "./cluster.ts";

/** The variable. */
export const ADDED = { name: "FROM_ADMISSION", value: "1" };

export interface Webhook {
  /** How often it was asked. */
  asked: () => number;
  stop: () => void;
}

/** Starts it and tells the API server, which asks it from a moment later on, and then always. */
export async function startWebhook({ client }: TestCluster): Promise<Webhook> {
  let asked = 0;
  const authority = new Authority();
  const server = createServer(authority.issue(["127.0.0.1"]), (request, response) => {
    void json(request).then((review) => {
      asked += 1;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answer(review as Review)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const caBundle = Buffer.from(authority.certificate).toString("base64");
  const group = "admissionregistration.k8s.io";
  await client.request(resourcePath({ group, plural: "mutatingwebhookconfigurations" }), {
    method: "POST",
    body: {
      metadata: { name: "adds" },
      webhooks: [
        {
          name: "adds.example.com",
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle },
          rules: [
            {
              apiGroups: ["apps"],
              apiVersions: ["v1"],
              resources: ["deployments"],
              operations: ["CREATE", "UPDATE"],
            },
          ],
          sideEffects: "None",
          admissionReviewVersions: ["v1"],
          failurePolicy: "Fail",
        },
      ],
    },
  });
  return {
    asked: () => asked,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Review {
  request: { uid: string; object: V1Deployment };
}

function answer({ request: { uid, object } }: Review): object {
  const containers = object.spec?.template.spec?.containers ?? [];
  const operations = containers.flatMap(({ env }, index) => {
    const isWanted = env?.every(({ name }) => name !== ADDED.name) === true;
    const path = `/spec/template/spec/containers/${index}/env/-`;
    return isWanted ? [{ op: "add", path, value: ADDED }] : [];
  });
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64");
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid, allowed: true, patchType: "JSONPatch", patch },
  };
}
