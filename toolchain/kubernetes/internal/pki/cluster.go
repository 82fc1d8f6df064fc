package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	clientcmd "k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
)

// Dir is where the certificates are.
func Dir(c *config.Config) string { return c.Path("server/tls") }

type identity struct {
	name, commonName string
	organizations    []string
	// Whether a kubeconfig is written for it.
	kubeconfig bool
}

func identities(c *config.Config) []identity {
	masters := []string{"system:masters"}
	return []identity{
		{"client-admin", "system:admin", masters, true},
		{"client-supervisor", "system:k3s-supervisor", masters, true},
		{"client-kube-apiserver", "kube-apiserver", masters, false},
		{"client-controller", "system:kube-controller-manager", nil, true},
		{"client-scheduler", "system:kube-scheduler", nil, true},
		{"client-kube-proxy", "system:kube-proxy", nil, true},
		{"client-kubelet", "system:node:" + c.NodeName, []string{"system:nodes"}, true},
	}
}

// Ensure makes or renews everything that the cluster needs, and writes the kubeconfigs.
func Ensure(c *config.Config) error {
	dir := Dir(c)
	server, err := LoadAuthority(dir, "server-ca")
	if err != nil {
		return err
	}
	client, err := LoadAuthority(dir, "client-ca")
	if err != nil {
		return err
	}
	proxy, err := LoadAuthority(dir, "request-header-ca")
	if err != nil {
		return err
	}
	hosts := append([]string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc." + c.ClusterDomain, "127.0.0.1", c.APIServiceIP(), c.NodeIP, c.NodeName,
	}, c.TLSSans...)
	if err := server.Ensure(dir, "serving-kube-apiserver", Request{CommonName: "kube-apiserver", Hosts: hosts}); err != nil {
		return err
	}
	kubelet := Request{CommonName: c.NodeName, Hosts: []string{"localhost", "127.0.0.1", c.NodeIP, c.NodeName}}
	if err := server.Ensure(dir, "serving-kubelet", kubelet); err != nil {
		return err
	}
	if err := proxy.Ensure(dir, "client-auth-proxy", Request{CommonName: "system:auth-proxy"}); err != nil {
		return err
	}
	for _, identity := range identities(c) {
		request := Request{CommonName: identity.commonName, Organizations: identity.organizations}
		if err := client.Ensure(dir, identity.name, request); err != nil {
			return err
		}
		if identity.kubeconfig {
			if err := writeKubeconfig(c, identity.name, c.LocalURL(), Kubeconfig(c, identity.name), 0o600); err != nil {
				return err
			}
		}
	}
	if err := EnsureServiceKey(filepath.Join(dir, "service.key")); err != nil {
		return err
	}
	mode, err := strconv.ParseUint(c.KubeconfigMode, 8, 32)
	if err != nil {
		return fmt.Errorf("write-kubeconfig-mode: %w", err)
	}
	return writeKubeconfig(c, "client-admin", c.PublicURL(), c.Kubeconfig, os.FileMode(mode))
}

// Kubeconfig is the path of the kubeconfig of one of the cluster's own clients.
func Kubeconfig(c *config.Config, name string) string {
	return c.Path("server/cred", name+".kubeconfig")
}

func writeKubeconfig(c *config.Config, name, url, path string, mode os.FileMode) error {
	read := func(file string) []byte {
		text, err := os.ReadFile(filepath.Join(Dir(c), file))
		if err != nil {
			panic(err) // written a moment ago
		}
		return text
	}
	const entry = "default"
	text, err := clientcmd.Write(api.Config{
		Clusters: map[string]*api.Cluster{entry: {Server: url, CertificateAuthorityData: read("server-ca.crt")}},
		AuthInfos: map[string]*api.AuthInfo{entry: {
			ClientCertificateData: read(name + ".crt"), ClientKeyData: read(name + ".key"),
		}},
		Contexts:       map[string]*api.Context{entry: {Cluster: entry, AuthInfo: entry}},
		CurrentContext: entry,
	})
	if err != nil {
		return err
	}
	return files.Write(path, text, mode)
}
