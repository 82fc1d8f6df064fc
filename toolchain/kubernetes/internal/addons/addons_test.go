package addons

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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

func TestDecode(t *testing.T) {
	objects, err := Decode([]byte(`
# only a comment
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: b, namespace: x}}
  - {apiVersion: v1, kind: Secret, metadata: {name: c}}
`))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, object := range objects {
		names = append(names, object.GetKind()+"/"+object.GetName())
	}
	if got, want := strings.Join(names, " "), "ConfigMap/a Secret/b Secret/c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDecodeNamesTheDocumentThatIsWrong(t *testing.T) {
	good := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n"
	for text, want := range map[string]string{
		good + "kind: X\n":   "document 2: expected apiVersion, kind and metadata.name",
		good + "a: [\n":      "document 2: ",
		good + "just text\n": "document 2: ",
	} {
		if _, err := Decode([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestManifestsSkipsWhatIsSkippedOrNoManifest(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "c.json", "d.yaml", "d.yaml.skip", "e.txt", ".f.yaml", "sub/g.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := manifests(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range files {
		files[i], _ = filepath.Rel(dir, path)
	}
	if got, want := strings.Join(files, " "), "a.yml b.yaml c.json sub/g.yaml"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBundledManifestsAreValidAndFollowTheConfiguration(t *testing.T) {
	c, err := config.Parse([]string{"--data-dir", shortTempDir(t), "--node-ip", "198.18.7.11", "--service-cidr", "10.96.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for _, forward := range []bool{true, false} {
		if err := WriteBundled(c, forward); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(Dir(c), "coredns.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "forward . /etc/resolv.conf"); got != forward {
			t.Errorf("forward: got %t, want %t", got, forward)
		}
		objects, err := Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		service := objects[len(objects)-1]
		if spec := service.Object["spec"].(map[string]any); spec["clusterIP"] != "10.96.0.10" {
			t.Errorf("clusterIP: got %v", spec["clusterIP"])
		}
	}
}

func TestDisabledPartsAreNotWritten(t *testing.T) {
	c, err := config.Parse([]string{"--data-dir", shortTempDir(t), "--node-ip", "198.18.7.11", "--disable", "coredns"})
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteBundled(c, true); err != nil {
		t.Fatal(err)
	}
	files, err := manifests(Dir(c))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "local-storage.yaml" {
		t.Errorf("got %v, %v", files, err)
	}
}
