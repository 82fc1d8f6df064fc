// Package server is `k3s server`: it prepares a data directory and keeps a cluster's processes running.
package server

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"plonk/toolchain/kubernetes/internal/addons"
	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/control"
	"plonk/toolchain/kubernetes/internal/files"
	"plonk/toolchain/kubernetes/internal/memory"
	"plonk/toolchain/kubernetes/internal/node"
	"plonk/toolchain/kubernetes/internal/pki"
	"plonk/toolchain/kubernetes/internal/storage"
	"plonk/toolchain/kubernetes/internal/supervise"
	"plonk/toolchain/kubernetes/internal/version"
)

// server is one run of a cluster.
type server struct {
	config     *config.Config
	supervisor *supervise.Supervisor
	client     *rest.Config
	started    time.Time
}

// Run runs a cluster until SIGTERM or SIGINT.
func Run(args []string) error {
	c, err := config.Parse(args)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 && !c.DisableAgent {
		return fmt.Errorf("server: expected root, got user %d (a control plane alone runs with --disable-agent)", os.Geteuid())
	}
	// Containerd and kubelet make directories for users of pods; what is secret is in directories of
	// mode 0700 whatever the umask is.
	syscall.Umask(0o022)
	memory.Save()
	if err := os.MkdirAll(c.DataDir, 0o711); err != nil {
		return fmt.Errorf("data-dir: %w", err)
	}
	lock, err := supervise.Acquire(c.DataDir)
	if err != nil {
		return err
	}
	defer lock.Release()
	s := &server{config: c, supervisor: supervise.New(c.DataDir), started: time.Now()}
	if err := s.prepare(); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	err = s.run(ctx)
	daemon.SdNotify(false, daemon.SdNotifyStopping)
	log.Print("stopping")
	s.supervisor.Stop()
	return err
}

func (s *server) prepare() error {
	c := s.config
	log.Printf("k3s %s, data in %s", version.Kubernetes(), c.DataDir)
	if err := supervise.EndLeftovers(c.DataDir, false); err != nil {
		return err
	}
	for _, dir := range []string{control.DatabaseDir(c), addons.Dir(c), c.Path("logs"), c.Path("agent/images")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := pki.Ensure(c); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if err := ensureToken(c); err != nil {
		return err
	}
	client, err := clientcmd.BuildConfigFromFlags("", pki.Kubeconfig(c, "client-supervisor"))
	if err != nil {
		return err
	}
	client.QPS, client.Burst = 50, 100
	s.client = client
	return nil
}

// run starts everything, each part as soon as what it needs is there, and waits for the end.
func (s *server) run(ctx context.Context) error {
	c := s.config
	s.supervisor.Start(control.Etcd(c))
	failed := make(chan error, 1)
	ready := make(chan struct{})
	if !c.DisableAgent {
		go func() {
			if err := s.startNode(ctx, ready); err != nil && ctx.Err() == nil {
				failed <- err
			}
		}()
	}
	go s.startControl(ctx, ready)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (s *server) startControl(ctx context.Context, ready chan<- struct{}) {
	c := s.config
	if !waitForSocket(ctx, filepath.Join(control.DatabaseDir(c), "client.sock:0")) {
		return
	}
	s.supervisor.Start(control.APIServer(c))
	clientset, err := kubernetes.NewForConfig(s.client)
	if err != nil {
		log.Printf("client: %v", err)
		return
	}
	if !waitForAPI(ctx, clientset) {
		return
	}
	log.Printf("API server ready after %s", time.Since(s.started).Round(10*time.Millisecond))
	close(ready)
	if !c.DisableControllerManager {
		s.supervisor.Start(control.ControllerManager(c))
	}
	if !c.DisableScheduler {
		s.supervisor.Start(control.Scheduler(c))
	}
	daemon.SdNotify(false, daemon.SdNotifyReady)
	s.startAddons(ctx, clientset)
}

func (s *server) startAddons(ctx context.Context, clientset kubernetes.Interface) {
	c := s.config
	if err := addons.WriteBundled(c, c.DisableAgent || node.HasNameservers(c)); err != nil {
		log.Printf("manifests: %v", err)
	}
	applier, err := addons.New(addons.Dir(c), s.client)
	if err != nil {
		log.Printf("manifests: %v", err)
		return
	}
	go func() {
		// First, or the manifest would be applied again between the removal of its objects and its own.
		applier.RemoveDisabled(ctx, c)
		applier.Run(ctx)
	}()
	if c.DisableAgent {
		return
	}
	if !c.Disabled("local-storage") {
		go storage.New(clientset, c.NodeName, c.Path("storage")).Run(ctx)
	}
	go func() {
		podCIDR, err := addons.LabelNode(ctx, clientset, c.NodeName)
		if err != nil {
			return
		}
		if err := node.WriteNetwork(c, podCIDR); err != nil {
			log.Printf("pod network: %v", err)
		}
	}()
}

// ensureToken keeps the secret with which nodes will join.
func ensureToken(c *config.Config) error {
	path := c.Path("server/token")
	if c.Token == "" {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		c.Token = randomToken()
	}
	return files.Write(path, []byte(c.Token+"\n"), 0o600)
}

func waitForSocket(ctx context.Context, path string) bool {
	for ctx.Err() == nil {
		if connection, err := net.Dial("unix", path); err == nil {
			connection.Close()
			return true
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return false
}

func waitForAPI(ctx context.Context, clientset kubernetes.Interface) bool {
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := clientset.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(attempt)
		cancel()
		if err == nil {
			return true
		}
		sleep(ctx, 100*time.Millisecond)
	}
	return false
}

func sleep(ctx context.Context, duration time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(duration):
	}
}
