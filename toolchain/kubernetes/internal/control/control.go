// Package control says how the processes of the control plane are started.
package control

import (
	"fmt"
	"path/filepath"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/pki"
	"plonk/toolchain/kubernetes/internal/supervise"
)

// DatabaseDir holds the database and its sockets.
func DatabaseDir(c *config.Config) string { return c.Path("server/db") }

// Etcd is the database.
func Etcd(c *config.Config) supervise.Component {
	return supervise.Component{
		Name: "etcd", Args: []string{DatabaseDir(c)}, Env: memory("48MiB"),
	}
}

// APIServer is kube-apiserver.
func APIServer(c *config.Config) supervise.Component {
	tls := func(name string) string { return filepath.Join(pki.Dir(c), name) }
	args := []string{
		// The working directory is the database's: its socket is reached by a short relative name.
		"--etcd-servers=unix://client.sock:0",
		"--bind-address=" + c.BindAddress,
		fmt.Sprintf("--secure-port=%d", c.HTTPSPort),
		"--allow-privileged=true",
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--client-ca-file=" + tls("client-ca.crt"),
		"--tls-cert-file=" + tls("serving-kube-apiserver.crt"),
		"--tls-private-key-file=" + tls("serving-kube-apiserver.key"),
		"--kubelet-certificate-authority=" + tls("server-ca.crt"),
		"--kubelet-client-certificate=" + tls("client-kube-apiserver.crt"),
		"--kubelet-client-key=" + tls("client-kube-apiserver.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--proxy-client-cert-file=" + tls("client-auth-proxy.crt"),
		"--proxy-client-key-file=" + tls("client-auth-proxy.key"),
		"--requestheader-client-ca-file=" + tls("request-header-ca.crt"),
		"--requestheader-allowed-names=system:auth-proxy",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--service-account-issuer=https://kubernetes.default.svc." + c.ClusterDomain,
		"--service-account-key-file=" + tls("service.key"),
		"--service-account-signing-key-file=" + tls("service.key"),
		"--service-cluster-ip-range=" + c.ServiceCIDR,
		"--service-node-port-range=30000-32767",
		"--profiling=false",
		"--default-watch-cache-size=20",
	}
	if loopback(c.NodeIP) {
		// A loopback address may not stand in the endpoints of the service `kubernetes`.
		args = append(args, "--endpoint-reconciler-type=none")
	} else {
		args = append(args, "--advertise-address="+c.NodeIP)
	}
	return supervise.Component{
		Name: "kube-apiserver", Dir: DatabaseDir(c), Env: memory("320MiB"),
		Args: append(args, config.ComponentArgs(c.APIServerArgs)...),
	}
}

// ControllerManager is kube-controller-manager.
func ControllerManager(c *config.Config) supervise.Component {
	tls := func(name string) string { return filepath.Join(pki.Dir(c), name) }
	args := []string{
		"--kubeconfig=" + pki.Kubeconfig(c, "client-controller"),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--root-ca-file=" + tls("server-ca.crt"),
		"--service-account-private-key-file=" + tls("service.key"),
		"--cluster-cidr=" + c.ClusterCIDR,
		"--service-cluster-ip-range=" + c.ServiceCIDR,
		"--allocate-node-cidrs=true",
		"--profiling=false",
		// A single machine comes back at once or not at all; these are for pods of lost nodes.
		"--node-monitor-period=5s",
	}
	return supervise.Component{
		Name: "kube-controller-manager", Env: memory("96MiB"),
		Args: append(args, config.ComponentArgs(c.ControllerManagerArgs)...),
	}
}

// Scheduler is kube-scheduler.
func Scheduler(c *config.Config) supervise.Component {
	return supervise.Component{
		Name: "kube-scheduler", Env: memory("64MiB"),
		Args: []string{
			"--kubeconfig=" + pki.Kubeconfig(c, "client-scheduler"),
			"--secure-port=0",
			"--leader-elect=false",
			"--profiling=false",
		},
	}
}

func loopback(address string) bool { return len(address) > 4 && address[:4] == "127." }

// memory makes the garbage collector work harder when a component comes near what is expected of it.
func memory(limit string) []string { return []string{"GOMEMLIMIT=" + limit} }
