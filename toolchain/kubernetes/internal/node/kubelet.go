package node

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"sigs.k8s.io/yaml"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
	"plonk/toolchain/kubernetes/internal/pki"
	"plonk/toolchain/kubernetes/internal/supervise"
)

// KubeletRoot is where kubelet keeps pods and their volumes. It lies high up because of its sockets.
func KubeletRoot(c *config.Config) string { return c.Path("kubelet") }

// Kubelet writes its configuration and returns how to start it.
func Kubelet(c *config.Config, bin string) (supervise.Component, error) {
	path := c.Path("agent/kubelet.yaml")
	text, err := yaml.Marshal(kubeletConfiguration(c))
	if err != nil {
		return supervise.Component{}, err
	}
	if err := files.Write(path, text, 0o600); err != nil {
		return supervise.Component{}, err
	}
	args := []string{
		"--config=" + path,
		"--kubeconfig=" + pki.Kubeconfig(c, "client-kubelet"),
		"--root-dir=" + KubeletRoot(c),
		"--cert-dir=" + filepath.Join(KubeletRoot(c), "pki"),
		"--hostname-override=" + c.NodeName,
		"--node-ip=" + c.NodeIP,
	}
	if len(c.NodeLabels) > 0 {
		args = append(args, "--node-labels="+strings.Join(c.NodeLabels, ","))
	}
	if len(c.NodeTaints) > 0 {
		args = append(args, "--register-with-taints="+strings.Join(c.NodeTaints, ","))
	}
	return supervise.Component{
		Name: "kubelet", Args: append(args, config.ComponentArgs(c.KubeletArgs)...),
		Env: append(Environment(bin), "GOMEMLIMIT=96MiB"),
	}, nil
}

func kubeletConfiguration(c *config.Config) map[string]any {
	tls := pki.Dir(c)
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1",
		"kind":       "KubeletConfiguration",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": filepath.Join(tls, "client-ca.crt")},
		},
		"authorization":            map[string]any{"mode": "Webhook"},
		"tlsCertFile":              filepath.Join(tls, "serving-kubelet.crt"),
		"tlsPrivateKeyFile":        filepath.Join(tls, "serving-kubelet.key"),
		"containerRuntimeEndpoint": "unix://" + config.ContainerdSocket(c.DataDir),
		"podLogsDir":               c.Path("agent/pod-logs"),
		"volumePluginDir":          c.Path("agent/volume-plugins"),
		"staticPodPath":            "",
		"resolvConf":               resolvConf(c),
		"clusterDNS":               []string{c.ClusterDNS},
		"clusterDomain":            c.ClusterDomain,
		"cgroupDriver":             "cgroupfs",
		// Each cluster of a machine has its own root, or one kubelet would remove the other's pods.
		"cgroupRoot":             "/" + config.Identity(c.DataDir),
		"failSwapOn":             false,
		"failCgroupV1":           false,
		"healthzPort":            0,
		"readOnlyPort":           0,
		"enableProfilingHandler": false,
		"serializeImagePulls":    false,
		"shutdownGracePeriod":    "0s",
		"runtimeRequestTimeout":  "2m",
		"cpuCFSQuota":            true,
		"eventRecordQPS":         50,
		"imageMinimumGCAge":      "1h",
		// Preloaded images can not be had again, so they are not collected for want of space alone.
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
		"evictionHard": map[string]string{
			"imagefs.available": "1%", "nodefs.available": "1%", "memory.available": "50Mi",
		},
		// Some containers and machines forbid what kubelet wants to tune; pods run without it.
		"featureGates": map[string]bool{"KubeletInUserNamespace": !canTune()},
	}
}

// canTune tells whether kubelet may write the kernel's settings and read its log.
func canTune() bool {
	for _, path := range []string{"/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/panic"} {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return false
		}
		file.Close()
	}
	log, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	return log.Close() == nil
}

// Proxy is kube-proxy.
func Proxy(c *config.Config, bin string) supervise.Component {
	args := []string{
		"--kubeconfig=" + pki.Kubeconfig(c, "client-kube-proxy"),
		"--hostname-override=" + c.NodeName,
		"--cluster-cidr=" + c.ClusterCIDR,
		"--proxy-mode=iptables",
		// The metrics and health ports would be the machine's; nothing reads them.
		"--metrics-bind-address=127.0.0.1:10249",
		"--healthz-bind-address=127.0.0.1:10256",
		// Zero leaves the kernel's limits alone: these files are read-only on some machines.
		"--conntrack-max-per-core=0",
		"--conntrack-tcp-timeout-established=0s",
		"--conntrack-tcp-timeout-close-wait=0s",
		"--iptables-localhost-nodeports=false",
	}
	if !bridgeFiltered() {
		// Answers between pods of one bridge pass netfilter only where the kernel calls it for bridges.
		args = append(args, "--masquerade-all=true")
	}
	return supervise.Component{
		Name: "kube-proxy", Args: args, Env: append(Environment(bin), "GOMEMLIMIT=48MiB"),
	}
}

func bridgeFiltered() bool {
	value, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && strings.TrimSpace(string(value)) == "1"
}
