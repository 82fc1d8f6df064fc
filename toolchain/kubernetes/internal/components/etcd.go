package components

import (
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// runEtcd serves the database in the directory args[0] on Unix sockets there, so that neither a port
// nor a password is needed: the directory is readable by its owner alone.
func runEtcd(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("arguments: expected the data directory, got %d arguments", len(args))
	}
	// Socket names are relative to the working directory: a socket path is limited to 108 bytes.
	if err := os.Chdir(args[0]); err != nil {
		return err
	}
	// An address has to look like host:port, even as the name of a socket.
	client := url.URL{Scheme: "unix", Host: "client.sock:0"}
	peer := url.URL{Scheme: "unix", Host: "peer.sock:0"}
	cfg := embed.NewConfig()
	cfg.Name = "default"
	cfg.Dir = "etcd"
	cfg.LogLevel = "warn"
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.SnapshotCount = 5000
	// One member elects itself: a long election time-out would only delay the start.
	cfg.TickMs, cfg.ElectionMs = 50, 500
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer etcd.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-etcd.Server.ReadyNotify():
	case <-time.After(time.Minute):
		return fmt.Errorf("start: not ready within a minute")
	case <-stop:
		return nil
	}
	select {
	case err := <-etcd.Err():
		return err
	case <-etcd.Server.StopNotify():
		return fmt.Errorf("stopped by itself")
	case <-stop:
		return nil
	}
}
