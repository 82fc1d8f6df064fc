package addons

import (
	"bytes"
	"context"
	"embed"
	"log"
	"path/filepath"
	"text/template"
	"time"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
)

//go:embed manifests/*.yaml
var bundled embed.FS

// Parts of the cluster that come with it, by the name that --disable uses.
var bundledParts = map[string]string{"coredns": "coredns.yaml", "local-storage": "local-storage.yaml"}

// Values are what the bundled manifests need to know of the cluster.
type Values struct {
	ClusterDNS, ClusterDomain string
	// Whether names outside the cluster can be asked of somebody.
	Forward bool
}

// Dir is where manifests are applied from.
func Dir(c *config.Config) string { return c.Path("server/manifests") }

// WriteBundled writes the bundled manifests of all parts that are not disabled.
func WriteBundled(c *config.Config, forward bool) error {
	values := Values{ClusterDNS: c.ClusterDNS, ClusterDomain: c.ClusterDomain, Forward: forward}
	for part, file := range bundledParts {
		if c.Disabled(part) {
			continue
		}
		text, err := render(file, values)
		if err != nil {
			return err
		}
		if err := files.Write(filepath.Join(Dir(c), file), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func render(file string, values Values) ([]byte, error) {
	parsed, err := template.ParseFS(bundled, "manifests/"+file)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = parsed.Execute(&text, values)
	return text.Bytes(), err
}

// RemoveDisabled uninstalls the parts that an earlier run of the cluster had and this one disables.
func (a *Applier) RemoveDisabled(ctx context.Context, c *config.Config) {
	for part, file := range bundledParts {
		for c.Disabled(part) && ctx.Err() == nil {
			err := a.Remove(ctx, filepath.Join(a.dir, file))
			if err == nil {
				break
			}
			log.Printf("manifests: removing %s: %v", part, err)
			select {
			case <-ctx.Done():
			case <-time.After(pollInterval):
			}
		}
	}
}
