package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"plonk/toolchain/kubernetes/internal/config"
)

// shortTempDir is a directory whose name does not repeat the test's: sockets lie below it.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newConfig(t *testing.T) *config.Config {
	t.Helper()
	dir := shortTempDir(t)
	c, err := config.Parse([]string{
		"--data-dir", dir, "--node-ip", "198.18.7.11", "--node-name", "n1", "--tls-san", "plonk.example",
		"--write-kubeconfig", filepath.Join(dir, "out/k3s.yaml"), "--write-kubeconfig-mode", "0640",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestServerCertificateIsValidForEveryNameOfTheServer(t *testing.T) {
	c := newConfig(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	certificate, _, err := load(Dir(c), "serving-kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, filepath.Join(Dir(c), "server-ca.crt"))))
	for _, name := range []string{"198.18.7.11", "127.0.0.1", "10.43.0.1", "plonk.example", "n1", "kubernetes.default.svc.cluster.local"} {
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: "other.example"}); err == nil {
		t.Error("other.example: expected to be refused")
	}
}

func TestSecondStartKeepsEverything(t *testing.T) {
	c := newConfig(t)
	paths := []string{"server/tls/server-ca.crt", "server/tls/client-admin.key", "server/tls/service.key", "server/cred/client-kubelet.kubeconfig", "out/k3s.yaml"}
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	before := map[string]string{}
	for _, path := range paths {
		before[path] = read(t, c.Path(path))
	}
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if read(t, c.Path(path)) != before[path] {
			t.Errorf("%s: changed", path)
		}
	}
}

func TestKeysAreReadableByTheirOwnerAlone(t *testing.T) {
	c := newConfig(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(Dir(c), "*.key"))
	if err != nil || len(keys) < 10 {
		t.Fatalf("got %v, %v", keys, err)
	}
	for _, path := range append(keys, Kubeconfig(c, "client-supervisor")) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if info, err := os.Stat(c.Kubeconfig); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%s: %v, %v", c.Kubeconfig, info.Mode(), err)
	}
}

func TestKubeconfigNamesTheNodeAndItsOwnFilesTheLoopback(t *testing.T) {
	c := newConfig(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		c.Kubeconfig:                       "https://198.18.7.11:6443",
		Kubeconfig(c, "client-supervisor"): "https://127.0.0.1:6443",
	} {
		loaded, err := clientcmd.BuildConfigFromFlags("", path)
		if err != nil || loaded.Host != want {
			t.Errorf("%s: got %v, %v", path, loaded, err)
		}
	}
}

func TestCertificateIsReplacedWhenItNoLongerFits(t *testing.T) {
	dir := t.TempDir()
	authority, err := LoadAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	other, err := LoadAuthority(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name      string
		authority *Authority
		hosts     []string
		replaced  bool
	}{
		{"first", authority, []string{"a"}, true},
		{"same", authority, []string{"a"}, false},
		{"repeated host", authority, []string{"a", "a"}, false},
		{"new host", authority, []string{"a", "198.18.0.1"}, true},
		{"other order", authority, []string{"198.18.0.1", "a"}, false},
		{"other authority", other, []string{"198.18.0.1", "a"}, true},
	}
	last := ""
	for _, step := range steps {
		if err := step.authority.Ensure(dir, "x", Request{CommonName: "x", Hosts: step.hosts}); err != nil {
			t.Fatal(err)
		}
		text := read(t, filepath.Join(dir, "x.crt"))
		if (text != last) != step.replaced {
			t.Errorf("%s: replaced %t, want %t", step.name, text != last, step.replaced)
		}
		last = text
	}
}

func TestCertificateNearItsEndIsReplaced(t *testing.T) {
	dir := t.TempDir()
	authority, err := LoadAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	// An authority that itself ends soon can only sign short certificates.
	authority.certificate.NotAfter = time.Now().Add(renewBefore - time.Hour)
	request := Request{CommonName: "x"}
	if err := authority.Ensure(dir, "x", request); err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(dir, "x.crt"))
	authority.certificate.NotAfter = time.Now().Add(authorityLife)
	if err := authority.Ensure(dir, "x", request); err != nil {
		t.Fatal(err)
	}
	if read(t, filepath.Join(dir, "x.crt")) == before {
		t.Error("kept a certificate that ends within ninety days")
	}
}

func TestDamagedFileIsNotTakenForAMissingOne(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadAuthority(dir, "ca"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAuthority(dir, "ca"); err == nil {
		t.Error("expected an error: a new authority would lock out every client of the old one")
	}
}

func TestHandshakeBetweenAdministratorAndServer(t *testing.T) {
	c := newConfig(t)
	if err := Ensure(c); err != nil {
		t.Fatal(err)
	}
	pair := func(name string) tls.Certificate {
		loaded, err := tls.LoadX509KeyPair(filepath.Join(Dir(c), name+".crt"), filepath.Join(Dir(c), name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	pool := func(name string) *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(read(t, filepath.Join(Dir(c), name+".crt"))))
		return pool
	}
	near, far := net.Pipe()
	server := tls.Server(near, &tls.Config{
		Certificates: []tls.Certificate{pair("serving-kube-apiserver")},
		ClientCAs:    pool("client-ca"), ClientAuth: tls.RequireAndVerifyClientCert,
	})
	go func() { _ = server.Handshake() }()
	client := tls.Client(far, &tls.Config{
		Certificates: []tls.Certificate{pair("client-admin")}, RootCAs: pool("server-ca"), ServerName: "198.18.7.11",
	})
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
}
