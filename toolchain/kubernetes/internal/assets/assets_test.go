package assets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pack(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var text bytes.Buffer
	zipped := gzip.NewWriter(&text)
	writer := tar.NewWriter(zipped)
	for _, header := range headers {
		content := []byte("content of " + header.Name)
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(content))
		}
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := writer.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func use(t *testing.T, text string) {
	t.Helper()
	old := archive
	archive = text
	t.Cleanup(func() { archive = old })
}

func TestUnpackKeepsModesAndLinksAndDoesItOnce(t *testing.T) {
	use(t, pack(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./bin/runc", Typeflag: tar.TypeReg, Mode: 0o755},
		tar.Header{Name: "./lib/x.so", Typeflag: tar.TypeReg, Mode: 0o644},
		tar.Header{Name: "./lib/y.so", Typeflag: tar.TypeSymlink, Linkname: "x.so"},
	))
	dir := t.TempDir()
	bin, err := Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(bin, "runc")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("got %v, %v", info, err)
	}
	if text, err := os.ReadFile(filepath.Join(bin, "../lib/y.so")); err != nil || string(text) != "content of ./lib/x.so" {
		t.Errorf("got %q, %v", text, err)
	}
	mark := filepath.Join(bin, "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Unpack(dir)
	if err != nil || again != bin {
		t.Errorf("got %s, %v", again, err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error("unpacked a second time")
	}
	if existing, err := Existing(dir); err != nil || existing != bin {
		t.Errorf("got %s, %v", existing, err)
	}
}

func TestInterruptedUnpackIsDoneAgain(t *testing.T) {
	use(t, pack(t, tar.Header{Name: "bin/runc", Typeflag: tar.TypeReg, Mode: 0o755}))
	dir := t.TempDir()
	bin, err := Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(bin, "../.complete"), filepath.Join(bin, "runc")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Unpack(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "runc")); err != nil {
		t.Error(err)
	}
}

func TestEntryThatLeadsOutIsRefused(t *testing.T) {
	use(t, pack(t, tar.Header{Name: "../outside", Typeflag: tar.TypeReg, Mode: 0o644}))
	dir := t.TempDir()
	if _, err := Unpack(dir); err == nil || !strings.Contains(err.Error(), "leads out of the directory") {
		t.Errorf("got %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "data"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestDamagedArchiveLeavesNothing(t *testing.T) {
	whole := pack(t, tar.Header{Name: "bin/runc", Typeflag: tar.TypeReg, Mode: 0o755})
	use(t, whole[:len(whole)-10])
	dir := t.TempDir()
	if _, err := Unpack(dir); err == nil {
		t.Error("expected an error")
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "data")); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func TestBuildWithoutArchiveSaysSo(t *testing.T) {
	use(t, "")
	if _, err := Unpack(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--disable-agent") {
		t.Errorf("got %v", err)
	}
}
