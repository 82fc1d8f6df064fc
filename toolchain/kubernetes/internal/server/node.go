package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log"
	"os"
	"time"

	"plonk/toolchain/kubernetes/internal/assets"
	"plonk/toolchain/kubernetes/internal/cleanup"
	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/node"
)

// startNode brings up containerd while the control plane starts, and kubelet and kube-proxy when it
// is ready. Images come first, or the first pods would try to pull them.
func (s *server) startNode(ctx context.Context, ready <-chan struct{}) error {
	c := s.config
	bin, err := assets.Unpack(c.DataDir)
	if err != nil {
		return err
	}
	if err := cleanup.Stale(c.DataDir); err != nil {
		return err
	}
	if err := node.Prepare(c); err != nil {
		return err
	}
	if err := recordNetwork(c); err != nil {
		return err
	}
	if err := node.ChooseIptables(bin); err != nil {
		return err
	}
	containerd, err := node.Containerd(c, bin)
	if err != nil {
		return err
	}
	kubelet, err := node.Kubelet(c, bin)
	if err != nil {
		return err
	}
	s.supervisor.Start(containerd)
	go node.KeepRules(ctx, c, bin)
	if !waitForSocket(ctx, config.ContainerdSocket(c.DataDir)) {
		return nil
	}
	importer := node.NewImporter(c, bin)
	importer.Import(ctx)
	select {
	case <-ctx.Done():
		return nil
	case <-ready:
	}
	s.supervisor.Start(kubelet)
	s.supervisor.Start(node.Proxy(c, bin))
	log.Printf("node started after %s", time.Since(s.started).Round(10*time.Millisecond))
	importer.Watch(ctx)
	return nil
}

// recordNetwork notes in which network namespace the node put its interfaces and rules.
func recordNetwork(c *config.Config) error {
	network, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return err
	}
	return os.WriteFile(cleanup.NetworkRecord(c.DataDir), []byte(network), 0o600)
}

func randomToken() string {
	text := make([]byte, 24)
	if _, err := rand.Read(text); err != nil {
		panic(err) // the kernel's random source never fails
	}
	return hex.EncodeToString(text)
}
