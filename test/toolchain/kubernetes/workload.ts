/** What the tests run on a node: a pod with a volume behind a service. */
import { BUSYBOX } from "./images.ts";

export const PODS = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 31112}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: default}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: restricted}}
`;

/** Serves the file that the first pod of all wrote: the volume is the one that it used. */
export const WEB = `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: web
      image: ${BUSYBOX}
      command: [sh, -c]
      args:
        - |
          echo "started as $(id -u)"
          [ -e /data/index.html ] || echo "kept since $(cat /proc/sys/kernel/random/uuid)" > /data/index.html
          exec httpd -f -p 8080 -h /data
      resources: {limits: {memory: 32Mi, cpu: 200m}}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;
