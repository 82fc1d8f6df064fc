/** What an API server answers to the questions that are asked before anything is installed. */
import type { Answers } from "./fake-api.ts";

const AUTHORIZATION = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const CLASSES = "/apis/storage.k8s.io/v1/storageclasses";

/** The attributes of a question about a right. */
interface Question {
  resource: string;
  verb: string;
  group: string;
}

/**
 * A cluster with a default class and a node of each architecture, whose user may do what
 * `isAllowed` says.
 */
export function answersOfCluster(isAllowed: (question: Question) => boolean = () => true): Answers {
  return {
    "/version": { gitVersion: "v1.34.3+k3s1" },
    "/api/v1/namespaces/kube-system": { metadata: { name: "kube-system", uid: "uid-1" } },
    "/api/v1/nodes": {
      items: [
        {
          metadata: { name: "node-1" },
          status: {
            addresses: [
              { type: "Hostname", address: "node-1" },
              { type: "InternalIP", address: "192.0.2.7" },
            ],
            nodeInfo: { architecture: "arm64" },
          },
        },
        { metadata: { name: "node-2" }, status: { nodeInfo: { architecture: "amd64" } } },
      ],
    },
    "/api/v1/services": { items: [{ spec: { type: "ClusterIP" }, status: { loadBalancer: {} } }] },
    [CLASSES]: {
      items: [
        {
          metadata: {
            name: "standard",
            annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
          },
          provisioner: "rancher.io/local-path",
        },
        { metadata: { name: "gp3" }, provisioner: "ebs.csi.aws.com", allowVolumeExpansion: true },
      ],
    },
    [AUTHORIZATION]: (body) => {
      const { spec } = JSON.parse(body) as { spec: { resourceAttributes: Question } };
      return { spec, status: { allowed: isAllowed(spec.resourceAttributes) } };
    },
  };
}
