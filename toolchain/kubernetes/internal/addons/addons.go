// Package addons applies the manifests of <data-dir>/server/manifests, the bundled ones among them.
package addons

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
)

const (
	fieldManager = "k3s-addons"
	pollInterval = 2 * time.Second
)

// Applier applies manifests by server-side apply and remembers what it applied.
type Applier struct {
	dir     string
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
	applied map[string][sha256.Size]byte
	failed  map[string]string
}

// New returns an applier for a directory.
func New(dir string, client *rest.Config) (*Applier, error) {
	objects, err := dynamic.NewForConfig(client)
	if err != nil {
		return nil, err
	}
	clientset, err := kubernetes.NewForConfig(client)
	if err != nil {
		return nil, err
	}
	return &Applier{
		dir: dir, dynamic: objects,
		mapper:  restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(clientset.Discovery())),
		applied: map[string][sha256.Size]byte{}, failed: map[string]string{},
	}, nil
}

// Run applies what is new or changed until the context ends. What fails is tried again, because a
// manifest may need a kind that another one defines.
func (a *Applier) Run(ctx context.Context) {
	for ctx.Err() == nil {
		a.round(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(pollInterval):
		}
	}
}

func (a *Applier) round(ctx context.Context) {
	files, err := manifests(a.dir)
	if err != nil {
		log.Printf("manifests: %v", err)
		return
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // gone since it was listed
		}
		sum := sha256.Sum256(text)
		if a.applied[path] == sum {
			continue
		}
		if err := a.apply(ctx, text); err != nil {
			a.complain(path, err)
			continue
		}
		a.applied[path] = sum
		delete(a.failed, path)
	}
}

// complain logs a failure once, not every round.
func (a *Applier) complain(path string, err error) {
	if a.failed[path] != err.Error() {
		a.failed[path] = err.Error()
		log.Printf("manifests: %s: %v", filepath.Base(path), err)
	}
}

// manifests lists the files to apply; NAME.skip beside NAME keeps it out.
func manifests(dir string) ([]string, error) {
	found := []string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		extension := filepath.Ext(path)
		if strings.HasPrefix(entry.Name(), ".") ||
			extension != ".yaml" && extension != ".yml" && extension != ".json" {
			return nil
		}
		if _, err := os.Stat(path + ".skip"); errors.Is(err, os.ErrNotExist) {
			found = append(found, path)
		}
		return nil
	})
	sort.Strings(found)
	return found, err
}

func (a *Applier) apply(ctx context.Context, text []byte) error {
	objects, err := Decode(text)
	if err != nil {
		return err
	}
	failures := []error{}
	for _, object := range objects {
		resource, err := a.resource(object)
		if err == nil {
			options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
			_, err = resource.Apply(ctx, object.GetName(), object, options)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err))
		}
	}
	return errors.Join(failures...)
}

// Remove deletes the objects of a manifest and then the manifest, as for a part that is disabled.
func (a *Applier) Remove(ctx context.Context, path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	objects, err := Decode(text)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	for _, object := range objects {
		resource, err := a.resource(object)
		if err != nil {
			return err
		}
		options := metav1.DeleteOptions{PropagationPolicy: &background}
		if err := resource.Delete(ctx, object.GetName(), options); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return os.Remove(path)
}

func (a *Applier) resource(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		a.mapper.Reset()
		mapping, err = a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return a.dynamic.Resource(mapping.Resource), nil
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(metav1.NamespaceDefault)
	}
	return a.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
}

// LabelNode gives this node the role that kubelet may not give itself, once it exists, and returns
// the part of the pod network that it was given.
func LabelNode(ctx context.Context, client kubernetes.Interface, name string) (podCIDR string, err error) {
	patch := []byte(`{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true"}}}`)
	for ctx.Err() == nil {
		node, err := client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err == nil && node.Spec.PodCIDR != "" {
			return node.Spec.PodCIDR, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return "", ctx.Err()
}
